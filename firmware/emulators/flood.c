/* What `handrail bench firmware` holds sustained samples against: a chip that looks at one pin and sends what it
 * saw in whole frames, as fast as its line takes them. It hears no commands, has no other channel and looks when
 * it finds the time: no firmware on it sends more. ATmega328P at 16 MHz. */
#include <avr/interrupt.h>
#include <avr/io.h>

#include "frame.h"
#include "link.h"

#ifndef BAUD
#define BAUD 115200UL
#endif

typedef struct {
  uint8_t code; /* of COBS */
  uint8_t number;
  hr_samples samples;
  uint8_t end[3];
} sent;

static sent frames[2]; /* one is on its way while the other one is filled */
static const uint8_t *volatile next;
static volatile uint8_t left; /* octets */

ISR(USART_UDRE_vect) {
  UDR0 = *next++;
  if (--left == 0u) {
    UCSR0B &= (uint8_t)~(1u << UDRIE0);
  }
}

int main(void) {
  uint32_t now = 0; /* ticks, as a board has them; a frame lasts no whole turn of the timer */
  TCCR1B = 1u << CS11;
  UCSR0A = 1u << U2X0; /* first: simavr takes the speed as it is when the divisor is written */
  UBRR0 = (uint16_t)((F_CPU / 4u / BAUD - 1u) / 2u);
  UCSR0B = 1u << TXEN0;
  sei();
  for (uint8_t count = 0;; count++) {
    sent *frame = &frames[count & 1u];
    frame->number = HR_SAMPLES;
    now += (uint16_t)(TCNT1 - (uint16_t)now);
    frame->samples = (hr_samples){.count = count, .time = now};
    for (uint8_t n = 0; n < sizeof frame->samples.data; n += 2u) {
      frame->samples.data[n] = (uint8_t)(PIND >> 2) & 1u;
    }
    const uint8_t size = hr_frame_close(&frame->code, sizeof frame->samples + 1u);
    while (left > 0u) {
    }
    next = &frame->code;
    left = size;
    UCSR0B |= 1u << UDRIE0;
  }
}
