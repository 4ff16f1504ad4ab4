/* SPDX-License-Identifier: GPL-3.0-or-later (see LICENSE.md)
 *
 * The pins of the emulated Uno: what is wired to its inputs, and what its outputs do, on standard output. */
#include <stdio.h>

#include <simavr/avr_extint.h>
#include <simavr/avr_ioport.h>

#include "avr_board.h"

#define PULSES 50000u /* us without one after which a servo's pulses have ended */

static avr_cycle_count_t rose[PINS];
static unsigned width[PINS];

static char port_of(unsigned pin) {
  return pin < 8 ? 'D' : pin < 14 ? 'B' : 'C';
}

static unsigned bit_of(unsigned pin) {
  return pin < 8 ? pin : pin < 14 ? pin - 8 : pin - 14;
}

static avr_irq_t *pin_irq(unsigned pin) {
  return avr_io_getirq(chip, AVR_IOCTL_IOPORT_GETIRQ(port_of(pin)), (int)bit_of(pin));
}

/* What is wired to an input holds it, whatever else is written to its port. */
void pin_hold(unsigned pin, bool high) {
  static avr_ioport_external_t held['D' + 1];
  avr_ioport_external_t *port = &held[(unsigned)port_of(pin)];
  port->name = (unsigned long)port_of(pin);
  port->mask |= 1ul << bit_of(pin);
  port->value = high ? port->value | 1ul << bit_of(pin) : port->value & ~(1ul << bit_of(pin));
  avr_ioctl(chip, AVR_IOCTL_IOPORT_SET_EXTERNAL(port_of(pin)), port);
  avr_raise_irq(pin_irq(pin), high);
}

static bool is_servo(unsigned pin) {
  return pin == 9 || pin == 10;
}

static void on_pin(struct avr_irq_t *irq, uint32_t value, void *with) {
  const unsigned pin = (unsigned)(size_t)with;
  const bool high = (value & 1u) != 0u; /* other bits say who moved it */
  (void)irq;
  if (!is_servo(pin)) {
    printf("pin %u %u %lu\n", pin, high ? 1u : 0u, us());
  } else if (high) {
    rose[pin] = chip->cycle;
  } else if (rose[pin] != 0) {
    const unsigned now = (unsigned)((chip->cycle - rose[pin]) / CYCLES_A_US);
    if (now > width[pin] + 2u || now + 2u < width[pin]) {
      width[pin] = now;
      printf("pulse %u %u %lu\n", pin, now, us());
    }
  }
}

void pins_look(void) {
  for (unsigned pin = 9; pin <= 10; pin++) {
    if (width[pin] != 0 && chip->cycle - rose[pin] > PULSES * CYCLES_A_US) {
      width[pin] = 0;
      printf("pulse %u 0 %lu\n", pin, us());
    }
  }
}

void pins_reset(void) {
  avr_extint_set_strict_lvl_trig(chip, EXTINT_IRQ_OUT_INT0, 0);
  avr_extint_set_strict_lvl_trig(chip, EXTINT_IRQ_OUT_INT1, 0);
}

void pins_wire(void) {
  for (unsigned pin = 2; pin < PINS; pin++) {
    avr_irq_register_notify(pin_irq(pin), on_pin, (void *)(size_t)pin);
  }
}
