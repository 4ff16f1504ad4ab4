/* Pulses of an ATmega328P. An interrupt turns a servo's pin, late by as much as another one lasts. */
#include "pulses.h"

#include <avr/interrupt.h>
#include <avr/io.h>
#include <util/atomic.h>

#define LEAD 200u /* ticks from the wish for pulses to the first */

static volatile uint16_t width[2]; /* ticks of the pulses on pins 9 and 10 */

static void pulse_edge(volatile uint16_t *compare, uint8_t which) {
  const uint8_t bit = (uint8_t)(2u << which); /* the pin's, and the one of its interrupt */
  PORTB ^= bit;
  *compare += (PORTB & bit) != 0u ? width[which] : (uint16_t)(20000u * TICKS_A_US - width[which]);
  if (width[which] == 0u) {
    TIMSK1 &= (uint8_t)~bit; /* only now: a pulse that is cut short is a command, too */
  }
}

ISR(TIMER1_COMPA_vect) {
  pulse_edge(&OCR1A, 0);
}

ISR(TIMER1_COMPB_vect) {
  pulse_edge(&OCR1B, 1);
}

static void servo(uint8_t which, uint16_t us) {
  const uint8_t bit = (uint8_t)(2u << which);
  volatile uint16_t *const compare = which == 0u ? &OCR1A : &OCR1B;
  ATOMIC_BLOCK(ATOMIC_RESTORESTATE) {
    width[which] = us * TICKS_A_US;
    if (us != 0u && (TIMSK1 & bit) == 0u) {
      *compare = TCNT1 + LEAD;
      TIFR1 = bit; /* a match of long ago would begin the pulse now, and end it anywhere */
      TIMSK1 |= bit;
    } else if (us == 0u && (PORTB & bit) == 0u) {
      TIMSK1 &= (uint8_t)~bit;
    }
  }
}

static void fan(volatile uint8_t *duty, uint8_t unit, uint16_t part, uint16_t whole) {
  *duty = (uint8_t)((uint32_t)part * 255u / whole);
  TCCR2A = part == 0u ? TCCR2A & (uint8_t)~unit : TCCR2A | unit; /* fast PWM has a spike at 0 */
}

void pulse_begin(void) {
  TCCR2A = (1u << WGM21) | (1u << WGM20);
  TCCR2B = 1u << CS22;
}

void pulse(uint8_t pin, uint16_t us, uint16_t period) {
  if (pin == 9u || pin == 10u) {
    servo((uint8_t)(pin - 9u), us);
  } else if (pin == 3u) {
    fan(&OCR2B, 1u << COM2B1, us, period);
  } else if (pin == 11u) {
    fan(&OCR2A, 1u << COM2A1, us, period);
  } else {
    /* no timer there */
  }
}
