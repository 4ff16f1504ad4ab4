/* SPDX-License-Identifier: GPL-3.0-or-later (see LICENSE.md)
 *
 * What the emulated Uno's parts share. */
#ifndef HANDRAIL_AVR_BOARD_H
#define HANDRAIL_AVR_BOARD_H

#include <stdbool.h>

#include <simavr/sim_avr.h>

#define CYCLES_A_US 16u
#define PINS 20

extern avr_t *chip;

/* us of the chip's own cycles. */
unsigned long us(void);

/* After every reset: else a low level at pins 2 and 3 is looked at in each cycle, which takes more than all else. */
void pins_reset(void);

/* Have every change of an output told. */
void pins_wire(void);

/* Have an input at a level, whatever is written to its port. */
void pin_hold(unsigned pin, bool high);

/* Notice servo pulses that have ended. */
void pins_look(void);

#endif
