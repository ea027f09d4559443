/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A u32 classifier that matches a frame's source MAC (tc-u32(8)).  Offsets count from the network header, which follows 14
 * bytes of Ethernet header; the source MAC is at -8..-3.  Two keys of 32 bits: -8, and -4 with the two bytes of the
 * protocol masked out.  So a class is bound to a VM whatever its addresses, for ARP and IPv6 too.
 */
#ifndef LIMITLAB_APPLIER_U32_MAC_H
#define LIMITLAB_APPLIER_U32_MAC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define U32_MAC_KEYS 2

struct u32_mac_key {
	uint32_t value, mask; /* network byte order */
	int offset;
};

void u32_mac_keys(const uint8_t mac[6], struct u32_mac_key ret_keys[U32_MAC_KEYS]);
/* Reads the MAC back from the attribute TCA_U32_SEL; false: this filter matches something else. */
bool u32_mac_read(const void *selector, size_t length, uint8_t ret_mac[6]);

#endif
