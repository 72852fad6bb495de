# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""What the tracker should have said, and what no observer could have known.

The tracker is right where it says what the kernels say. Where it does not, the segments that it was shown are looked
through by one who knows all the numbers (ISNs, FINs, which incarnation): the states that they leave open, and no
others, are excused, under the name of what was missing. So the rule does not ask how the tracker came to its answer.
Of a later incarnation that the segments do not prove, one more answer is excused: the state the one before was left in.
"""

from dataclasses import replace

ABSENT = "CLOSED", "LISTEN"  # there is no connection
CLOSED_ITS_HALF = "FIN_WAIT_1", "CLOSING", "LAST_ACK"
MODULUS = 1 << 32
INCARNATION = 100_000  # an incarnation sends less than this

REASONS = {
    "incarnation-unseen": "of a later incarnation the SYN was not shown, or nothing of its peer that answers exactly it (U13)",
    "incarnations-crossed": "SYNs of a later incarnation crossed, over a connection not shown to be over: one is remembered (U12)",
    "answer-overtaken": "of a later incarnation the SYN+ACK was shown behind what acknowledges it: a number that nobody had said (U13)",
    "handshake-unseen": "no segment was shown that proves this end synchronised",
    "silent-close": "the socket went without a segment: power lost, or closed before its SYN was answered",
    "reset-unseen": "the RST was not shown",
    "reset-inexact": "the RST was shown, but nothing that says its number is the exact one: a live receiver challenges it (N2)",
    "reset-lost-behind": "the RST was shown and never arrived",
    "reset-ahead": "the RST was shown ahead of the SYN that it refuses, as a stray of no connection, or of a repetition",
    "synack-repeated": "SYN+ACKs came again after their acknowledgement, and nothing shows that the last one was taken",
    "reset-overtaken": "a RST of the connection before was shown behind the SYN of this one",
    "fin-unsent": "the socket is closed, and its FIN waits behind data that the other end has no room for",
    "fin-unseen": "the FIN was not shown, nor anything behind it",
    "byte-or-fin": "of the FIN was shown that its number was taken, which may be by a byte",
    "hole-before-fin": "the FIN was shown, data before it was not",
    "ack-of-fin-unseen": "the FIN was shown, its acknowledgement was not",
    "first-fin-unseen": "of the FIN a repetition alone was shown, which acknowledges the other's, as one that came second does",
    "unseen-acked": "past its SYN an end was shown alone, and acknowledges what was not: a socket in SYN_RCVD would refuse "
                    "it (E8)",
    "bare-ack": "of an end whose own SYN was not shown, an ACK of the other's SYN alone: so a request answers what it does "
                "not want (U10)",
    "beyond-window": "a segment was shown that lies beyond every window which was (N4)",
}


def plain(state):
    """LISTEN is of a port, not of this connection."""
    return "CLOSED" if state in ABSENT else state


def at_or_after(one, other):
    return (one - other) % MODULUS < MODULUS // 2


class Numbers:
    """The true numbers of one lane: ISNs by end and generation, FINs."""

    def __init__(self, lane):
        self.isns = [{}, {}]  # isn: generation
        self.fins = [{}, {}]  # generation: number of the FIN
        self.first_fin = [{}, {}]
        for sent in lane.journey.sent:
            if "S" in sent.segment.flags and not sent.forged:
                self.isns[sent.end].setdefault(sent.segment.seq, sent.generation)
            if "F" in sent.segment.flags and not sent.forged:
                generation = self.generation(sent)
                self.fins[sent.end].setdefault(generation, (sent.segment.end - 1) % MODULUS)
                self.first_fin[sent.end].setdefault(generation, sent)

    def generation(self, sent):
        """By the nearest ISN below."""
        near = [((sent.segment.seq - isn) % MODULUS, generation) for isn, generation in self.isns[sent.end].items()
                if generation <= sent.generation]
        distance, generation = min(near, default=(MODULUS, sent.generation))
        return generation if distance < INCARNATION else sent.generation


class Evidence:
    """What the segments prove that were shown until a moment."""

    def __init__(self, lane, numbers, moment, without=()):
        self.moment, self.numbers = moment, numbers
        self.alone = lane.ends.alone
        self.peer = (0, 0) if lane.ends.alone else (1, 0)
        sent = [each for each in lane.journey.sent[:moment.segments] if not each.forged]
        self.shown = [each for each in sent if any(number <= moment.frames for number in each.seen) and
                      not any(each is one for one in without)]
        self.resets = [each for each in sent if "R" in each.segment.flags and
                       numbers.generation(each) == moment.generation]
        self.all = [each for each in sent if numbers.generation(each) == moment.generation and
                    "R" not in each.segment.flags]
        self.mine = [each for each in self.all if each in self.shown]
        self.fins = [next((numbers.fins[end][moment.generation] for each in self.all
                           if each.end == end and "F" in each.segment.flags), None) for end in (0, 1)]
        self.syns = [[each for each in self.mine if each.end == end and "S" in each.segment.flags] for end in (0, 1)]
        begin = self.begin()
        self.plain = [[each for each in self.mine if each.end == end and "S" not in each.segment.flags and
                       any(number >= begin for number in each.seen)] for end in (0, 1)]

    def begin(self):
        """The frame from which on numbers prove something: a later incarnation begins with its SYN."""
        asking = [each.seen[0] for each in self.mine if "S" in each.segment.flags and "A" not in each.segment.flags]
        return min(asking, default=0) if self.moment.generation > 1 else 0

    def fin(self, end):
        """The number of the FIN that this end has sent so far, if any."""
        return self.fins[end]

    def fin_direct(self, end):
        """Its FIN was shown; or all before it, its acknowledgement, and then that the end goes on behind it."""
        fin = self.fin(end)
        if fin is None:
            return False
        if any("F" in each.segment.flags for each in self.plain[end]):
            return True
        if self.alone:
            return False  # what acknowledges it lies behind it, and says it all at once
        acked, behind, own = self.acks_of_fin(end), self.behind_fin(end), self.plain[end] + self.syns[end]
        if not acked or not behind or acked[0].seen[0] > self.last(behind[-1]):
            return False
        return any(each.segment.end == fin for each in own) or \
            any(each.segment.ack == fin for each in self.plain[self.peer[end]]) and \
            any(each.seen[0] < acked[0].seen[0] and each not in behind for each in own)

    def last(self, each):
        """The number of the frame that showed it last."""
        return max(number for number in each.seen if number <= self.moment.frames)

    def behind_fin(self, end):
        fin = self.fin(end)
        return [each for each in self.plain[end] if fin is not None and at_or_after(each.segment.seq, fin + 1)]

    def acks_of_fin(self, end):
        fin = self.fin(end)
        return [each for each in self.plain[self.peer[end]] if fin is not None and at_or_after(each.segment.ack, fin + 1)]

    def hole(self, end):
        """Data of this end was sent and not shown."""
        return any(each.end == end and each.segment.data and each not in self.shown for each in self.all)

    def byte_unseen(self, end):
        """A byte of this end was not shown, and may as well have been its FIN."""
        return self.fin(end) is None and any(each.end == end and len(each.segment.data) == 1 and each not in self.shown
                                             for each in self.all)

    def role_known(self, end):
        """Its first FIN was shown, or the other's that acknowledges it."""
        fins = [self.numbers.first_fin[each].get(self.moment.generation) for each in (end, self.peer[end])]
        mine, theirs = self.fin(end), self.fin(self.peer[end])
        if mine is None or theirs is None or fins[0] in self.shown:
            return True
        return fins[1] in self.shown and at_or_after(fins[1].segment.ack, mine + 1)

    def passive(self, end):
        """Its FIN came after the other's."""
        first, other = self.numbers.first_fin[end].get(self.moment.generation), self.fin(self.peer[end])
        return bool(first and other is not None and at_or_after(first.segment.ack, other + 1))

    def synchronised(self, end):
        """It has spoken past its SYN, or its SYN was acknowledged past the other's."""
        if self.plain[end]:
            return True
        isns = [isn for isn, generation in self.numbers.isns[end].items() if generation == self.moment.generation]
        return any(at_or_after(each.segment.ack, isn + 1) for each in self.plain[self.peer[end]] for isn in isns)

    def incarnation_unseen(self):
        """A SYN of its own, and the peer's word on exactly it. Without that, what follows the SYN may as well be forged,
        unless the peer was never heard at all."""
        return self.moment.generation > 1 and not any(
            self.asked(end) and (self.syns[self.peer[end]] or self.answered(end) or self.reset_shown(self.peer[end]) or
                                 (self.plain[end] and not self.heard(self.peer[end]))) for end in (0, 1))

    def answered(self, end):
        return any(each.segment.ack == self.syn_end(end) for each in self.plain[self.peer[end]])

    def incarnations_crossed(self):
        return self.moment.generation > 1 and not self.alone and self.asked(0) and self.asked(1)

    def answer_overtaken(self):
        """The SYN+ACK was shown behind all else of who asked."""
        return self.moment.generation > 1 and any(
            self.syns[self.peer[end]] and self.plain[end] and not self.plain[self.peer[end]] and
            max(each.seen[0] for each in self.plain[end]) < min(each.seen[0] for each in self.syns[self.peer[end]])
            for end in (0, 1) if self.asked(end))

    def heard(self, end):
        return any(each.end == end for each in self.shown)

    def synack_repeated(self, end):
        """Shown after the other had acknowledged it; and of this end nothing that goes on from there. A second time,
        or the acknowledgement of it was not shown."""
        acks = [number for each in self.plain[self.peer[end]] for number in each.seen]
        again = [each.seen[-1] for each in self.syns[end] if acks and each.seen[-1] > min(acks)]
        return bool(again) and not self.plain[end] and (len(again) > 1 or max(acks) < max(again))

    def reset_ahead(self):
        """A SYN was shown behind all RSTs that were."""
        last = max((each.seen[-1] for each in self.syns[0] + self.syns[1]), default=0)
        shown = [each for each in self.resets if each in self.shown and self.exact(each)]
        return bool(shown) and all(each.seen[-1] < last or
                                   not any(last < number <= self.moment.frames for number in each.seen)
                                   for each in shown)

    def reset_shown(self, *ends):
        """Of one of these, or of any."""
        return any(reset in self.shown and self.exact(reset) for reset in self.resets if not ends or reset.end in ends)

    def reset_overtaken(self):
        """A RST by the numbers of an earlier incarnation was shown, and no SYN since."""
        last = max((each.seen[-1] for each in self.syns[0] + self.syns[1]), default=0)
        return any(each.seen[-1] > last and self.numbers.generation(each) < self.moment.generation
                   for each in self.shown if "R" in each.segment.flags)

    def exact(self, reset):
        """Something shown says that this is the number its receiver expects."""
        seq, end = reset.segment.seq, reset.end
        own = [each.segment.end for each in self.mine if each.end == end and each.segment.length]
        others = [each for each in self.shown if "R" not in each.segment.flags and each.end != end]
        return seq in own and not any(at_or_after(number, seq + 1) for number in own) or \
            any(each.segment.ack == seq for each in others) and any(at_or_after(number, seq) for number in own) or \
            "A" in reset.segment.flags and not seq and any("S" in each.segment.flags and
                                                           each.segment.end == reset.segment.ack for each in others)

    def unbelieved(self):
        """{why: segments} that were shown and, by a rule, are not believed."""
        lone, bare, beyond = [], [], []
        for end in (0, 1):
            others = [] if self.alone else [each.seen[0] for each in self.plain[self.peer[end]]]
            known = max((each.segment.end for each in self.syns[self.peer[end]]), default=None)
            own_syn = [each.seen[0] for each in self.syns[end] if "A" not in each.segment.flags]
            for each in self.plain[end]:
                ahead = not any(number < each.seen[0] for number in others)
                if ahead and known is not None and each.segment.ack != known:
                    lone.append(each)
                if not each.segment.length and not self.alone and each.segment.ack == self.syn_end(self.peer[end]) and \
                        not any(number < each.seen[0] for number in own_syn):
                    bare.append(each)
                if self.is_beyond(each):
                    beyond.append(each)
        return {"unseen-acked": lone, "bare-ack": bare, "beyond-window": beyond}

    def syn_end(self, end):
        return next(((isn + 1) % MODULUS for isn, generation in self.numbers.isns[end].items()
                     if generation == self.moment.generation), None)

    def is_beyond(self, each):
        """Its last number lies beyond all windows that its receiver was shown to offer until then."""
        edges = [(one.segment.ack + (one.segment.window << self.scale(one))) % MODULUS for one in self.mine
                 if one.end == self.peer[each.end] and "A" in one.segment.flags and one.seen[0] < each.seen[0]]
        return bool(edges) and not any(at_or_after(edge, each.segment.end) for edge in edges)

    def scale(self, sent):
        """The shift of its window, as both SYNs say; the largest if they were not shown."""
        if "S" in sent.segment.flags:
            return 0
        scales = [scale_of(each.segment.options) for end in (0, 1) for each in self.all
                  if "S" in each.segment.flags and each.end == end]
        mine = [scale_of(each.segment.options) for each in self.all if "S" in each.segment.flags and each.end == sent.end]
        return (mine or [0])[0] or 0 if None not in scales else 0

    def options(self, end):
        """{state: why} of the states that the shown segments leave open for this end."""
        found = {}
        direct, acked = self.fin_direct(end), bool(self.acks_of_fin(end))
        hinted = acked or bool(self.behind_fin(end))
        byte, their_byte = self.byte_unseen(end), self.byte_unseen(self.peer[end])
        theirs_direct, theirs_acked = self.fin_direct(self.peer[end]), bool(self.acks_of_fin(self.peer[end]))
        mine = {direct or hinted: ""}
        if hinted and not direct:
            mine[False] = "byte-or-fin"
        if direct and not acked and self.hole(end):
            mine[False] = "hole-before-fin"
        if not direct and not hinted and self.fin(end) is not None:
            mine = {False: "fin-unseen"}
        if self.fin(end) is None and self.moment.states[end] in CLOSED_ITS_HALF:
            mine = {False: "fin-unsent"}
        theirs = {theirs_acked: "" if theirs_acked or self.fin(self.peer[end]) is None else "ack-of-fin-unseen"}
        if theirs_acked and not theirs_direct:
            theirs[False] = "byte-or-fin"
        if byte:
            mine[True], acked = "byte-or-fin", True
        if their_byte:
            theirs[True] = "byte-or-fin"
        if direct and theirs_direct:
            theirs.setdefault(True, "ack-of-fin-unseen")  # FINs that cross are taken as delivered
        roles = {self.passive(end): ""}
        if not self.role_known(end):
            roles[not self.passive(end)] = "first-fin-unseen"
        if byte or their_byte:
            roles.setdefault(not self.passive(end), "byte-or-fin")
        for closed, why in mine.items():
            for heard, why_heard in theirs.items():
                for late, why_late in roles.items():
                    state = state_of(closed, acked, heard, late)
                    found.setdefault(state, why or why_heard or why_late or
                                     ("ack-of-fin-unseen" if closed and not acked else "fin-unseen"))
        if not self.synchronised(end):
            found.update(dict.fromkeys(self.openings(end), "handshake-unseen"))
        return found

    def openings(self, end):
        """The states of an end of which no more than SYNs were shown."""
        if not any(number >= self.begin() for each in self.syns[end] for number in each.seen):
            return "CLOSED", "SYN_SENT", "SYN_RCVD", "ESTABLISHED"
        return ("SYN_SENT", "SYN_RCVD") if self.syns[self.peer[end]] or self.asked(end) else \
            ("SYN_RCVD", "ESTABLISHED")

    def asked(self, end):
        """Its SYN was shown, which asks for a connection; a SYN+ACK alone may be of one that is picked up midstream."""
        return any("A" not in each.segment.flags for each in self.syns[end])

    def excused(self, end, said, before):
        """Why no observer could know better than this, or None; before: what was said of the incarnation before."""
        why = self.excused_within(end, said)
        if why or said != before:
            return why
        if self.incarnation_unseen():
            return "incarnation-unseen"
        return "incarnations-crossed" if self.incarnations_crossed() else None

    def excused_within(self, end, said):
        """The same, by what was shown of this incarnation."""
        truth = plain(self.moment.states[end])
        shown = [reset for reset in self.resets if reset in self.shown]
        if said in ("SYN_SENT", "SYN_RCVD") and truth != "CLOSED" and self.answer_overtaken():
            return "answer-overtaken"
        if set(self.moment.states) <= set(ABSENT) and self.reset_shown():
            return "reset-ahead" if said in self.options(end) and self.reset_ahead() else None
        if said == "SYN_RCVD" and truth == "ESTABLISHED" and self.synack_repeated(end):
            return "synack-repeated"
        if said == "CLOSED" and any(not reset.got for reset in shown):
            return "reset-lost-behind"
        if said == "CLOSED" and self.reset_overtaken():
            return "reset-overtaken"
        options = self.options(end)
        if truth != "CLOSED":
            return options.get(said)
        if said in options:
            if self.moment.silent:
                return "silent-close"
            if shown:
                return "reset-inexact"
            return "reset-unseen" if self.resets else options[said]
        return None


def scale_of(options):
    """The shift that a SYN offers, or None."""
    at = 0
    while at < len(options) and options[at]:
        size = 1 if options[at] == 1 else max(2, options[at + 1])
        if options[at] == 3:
            return options[at + 2]
        at += size
    return None


def state_of(closed, acked, heard, late):
    """An end's state: it has closed, which is acknowledged; it has heard of the other's close, before its own."""
    if not closed:
        return "CLOSE_WAIT" if heard else "ESTABLISHED"
    if not heard:
        return "FIN_WAIT_2" if acked else "FIN_WAIT_1"
    if late:
        return "CLOSED" if acked else "LAST_ACK"
    return "TIME_WAIT" if acked else "CLOSING"


def judge(lane, said):
    """Yields (moment, end, state said, why it is excused or None) for each end and moment that differs."""
    numbers = Numbers(lane)
    for moment in lane.moments:
        evidence, earlier = None, last_of_earlier(lane, numbers, moment)
        for end in (0,) if lane.ends.alone else (0, 1):
            state = plain(said(moment, end))
            if state == plain(moment.states[end]):
                continue
            evidence = evidence or Evidence(lane, numbers, moment)
            yield moment, end, state, (evidence.excused(end, state, plain(said(earlier, end))) or
                                       excused_without(lane, evidence, end, state))


def last_of_earlier(lane, numbers, moment):
    """The moment after the last segment of an earlier incarnation that was shown."""
    seen = [number for sent in lane.journey.sent[:moment.segments] if numbers.generation(sent) < moment.generation
            for number in sent.seen if number <= moment.frames]
    return replace(moment, frames=max(seen, default=0))


def excused_without(lane, evidence, end, said):
    """The rule by which some of what was shown is not believed, if without that the state is right, or excused."""
    for why, those in evidence.unbelieved().items():
        if those:
            without = Evidence(lane, evidence.numbers, evidence.moment, those)
            if without.excused_within(end, said) or said in without.options(end):
                return why
    return None
