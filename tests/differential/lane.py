# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
"""One schedule at work: step by step, and after each, when all is quiet, what both kernels say."""

import time
from dataclasses import dataclass

from ends import Ends
from journey import Journey
from path import RETRANSMISSION, lab

POLL = 0.004
POLL_AT_MOST = 0.02
QUIET_LIMIT = 110.0  # a repetition after three seconds, then after twice, four, eight and sixteen times that
CROSSING_LIMIT = 0.03
DISTURBED = {"ESTABLISHED", "FIN_WAIT_1", "FIN_WAIT_2", "CLOSE_WAIT", "CLOSING", "LAST_ACK"}


@dataclass
class Moment:
    """All is quiet: the states by the kernels, after so many frames of the capture and segments of the lane."""

    step: str
    states: tuple
    frames: int
    segments: int
    generation: int
    silent: frozenset  # ends whose socket went without a segment


class Lane:
    def __init__(self, relay, schedule, number, live):
        self.relay, self.schedule, self.live = relay, schedule, live
        self.ends = Ends(relay.path, relay.kernels, schedule, number)
        self.journey = Journey(relay, self)
        self.moments = []
        self.failure = None
        self.flow_states = None  # by `synward run`, at the end

    def go_on(self, course):
        """Seconds until it has something to do again, or None at the end."""
        try:
            return next(course)
        except StopIteration:
            pass
        except lab.Failure as failure:
            self.failure = str(failure)
        self.ends.end()
        return None

    def course(self):
        """A generator: yields how many seconds it has nothing to do."""
        for step in self.schedule.steps:
            yield from self.step(step)
            yield from self.quiet(str(step))
            if self.schedule.profile.name == "forged" and {self.ends.ask(end)[0] for end in (0, 1)} <= DISTURBED:
                self.journey.forge()
                yield from self.quiet("forgeries")
        self.journey.release_late()
        yield from self.quiet("late copies")
        if self.live:
            self.flow_states = self.relay.flow_states(self.ends.names)

    def step(self, step):
        self.ends.asking = set()
        if step.crossing:
            self.journey.hold()
        for action in step.actions:
            self.ends.do(*action)
        end = time.monotonic() + CROSSING_LIMIT
        while step.crossing and not self.journey.crossed() and time.monotonic() < end:
            yield POLL
        self.journey.release()
        self.journey.release_late()

    def quiet(self, step):
        """Nothing is on its way and nothing will be sent again: twice the same answer, and no segment in between."""
        began, before, wait = time.monotonic(), None, POLL
        while True:
            yield wait
            now = time.monotonic()
            self.journey.due()
            self.ends.accept()
            answers = self.ends.ask(0), self.ends.ask(1)
            self.relay.poll()
            busy = self.journey.waiting or any(timer == RETRANSMISSION for _, timer in answers)
            still = now - self.journey.last >= POLL
            if still and not busy and answers == before:
                break
            before = answers if still else None
            wait = min(wait * 1.3, POLL_AT_MOST) if still and busy else POLL
            if now - began > QUIET_LIMIT:
                raise lab.Failure(f"not quiet within {QUIET_LIMIT:.0f} s after {step}: {answers}")
        self.moments.append(Moment(step, tuple(state for state, _ in answers), self.relay.capture.frames,
                                   len(self.journey.sent), self.ends.generation, frozenset(self.ends.silent)))
