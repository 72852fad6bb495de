# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# What is made of the rows of the options (man pages, completion), where all goes, and Debian's packages of it.

PACKAGING := scripts/packaging
PAGES     := $(BUILD)/man/synward.8
COMPLETION := $(BUILD)/completion/synward
UNITDIR    ?= $(PREFIX)/lib/systemd/system

$(PAGES): $(PACKAGING)/man scripts/synward.conf $(wildcard $(PACKAGING)/man.d/*) $(BUILD)/synward
	$(say) MAN $@
	$(Q)rm -rf $(@D)
	$(Q)$(BUILD)/synward help --json | $(PACKAGING)/man $(VERSION) $(@D)

$(COMPLETION): $(PACKAGING)/completion $(BUILD)/synward
	$(say) BASH $@
	$(Q)mkdir -p $(@D)
	$(Q)$(BUILD)/synward help --json | $(PACKAGING)/completion > $@

.PHONY: install uninstall deb
install: all ## programs, BPF object, man pages, completion and units, into $(DESTDIR)$(PREFIX); the group synward
	$(Q)[ -n "$(DESTDIR)" ] || getent group synward >/dev/null || groupadd --system synward
	install -d $(addprefix $(DESTDIR)$(PREFIX)/,bin lib/synward share/man/man5 share/man/man8 share/bash-completion/completions \
		share/doc/synward/examples)
	install -m 755 $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(BUILD)/synward.bpf.o $(DESTDIR)$(PREFIX)/lib/synward
	install -m 644 $(BUILD)/man/*.8 $(DESTDIR)$(PREFIX)/share/man/man8
	install -m 644 $(BUILD)/man/*.5 $(DESTDIR)$(PREFIX)/share/man/man5
	install -m 644 scripts/synward.conf $(DESTDIR)$(PREFIX)/share/doc/synward/examples
	install -m 644 $(COMPLETION) $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	install -d $(DESTDIR)$(UNITDIR)
	sed 's,@BIN@,$(PREFIX)/bin,' $(PACKAGING)/synward@.service > $(DESTDIR)$(UNITDIR)/synward@.service
	sed 's, on %I,,; s, %I$$,,; s, $$SYNWARD_OPTIONS,,; /EnvironmentFile/d' $(DESTDIR)$(UNITDIR)/synward@.service \
		> $(DESTDIR)$(UNITDIR)/synward.service
	chmod 644 $(addprefix $(DESTDIR)$(UNITDIR)/,synward@.service synward.service)

uninstall: ## what `make install` put there
	rm -f $(addprefix $(DESTDIR)$(PREFIX)/bin/,$(notdir $(PROGRAMS)))
	rm -rf $(DESTDIR)$(PREFIX)/lib/synward $(DESTDIR)$(PREFIX)/share/doc/synward
	rm -f $(DESTDIR)$(PREFIX)/share/man/man5/synward.conf.5
	rm -f $(DESTDIR)$(PREFIX)/share/man/man8/synward.8 $(DESTDIR)$(PREFIX)/share/man/man8/synward-*.8
	rm -f $(DESTDIR)$(PREFIX)/share/bash-completion/completions/synward $(addprefix $(DESTDIR)$(UNITDIR)/,synward@.service synward.service)

# The sources as they are here, with debian/ where debhelper looks for it; the packages come to lie in build/.
DEB_SOURCE := $(BUILD)/deb/synward-$(VERSION)
deb: ## Debian's packages, in build/deb
	$(Q)scripts/deps build package
	$(Q)rm -rf $(BUILD)/deb
	$(Q)mkdir -p $(DEB_SOURCE)
	$(Q)cp -a Makefile LICENSE README.md bpf user include tests scripts $(DEB_SOURCE)
	$(Q)cp -a $(PACKAGING)/debian $(DEB_SOURCE)
	$(Q)cd $(DEB_SOURCE) && dpkg-buildpackage --unsigned-source --unsigned-changes --build=binary
	$(Q)ls $(BUILD)/deb/*.deb
