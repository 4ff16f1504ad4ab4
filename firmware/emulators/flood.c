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

static uint8_t octets[256]; /* frames are made where those before them leave */
static volatile uint8_t made; /* whole frames end before it */
static volatile uint8_t next;

ISR(USART_UDRE_vect) {
  UDR0 = octets[next];
  if (++next == made) {
    UCSR0B &= (uint8_t)~(1u << UDRIE0);
  }
}

int main(void) {
  uint32_t now = 0; /* ticks, as a board has them; a frame lasts no whole turn of the timer */
  hr_samples samples = {0};
  hr_outgoing out = {0};
  TCCR1B = 1u << CS11;
  UCSR0A = 1u << U2X0; /* first: simavr takes the speed as it is when the divisor is written */
  UBRR0 = (uint16_t)((F_CPU / 4u / BAUD - 1u) / 2u);
  UCSR0B = 1u << TXEN0;
  sei();
  for (;; samples.count++) {
    now += (uint16_t)(TCNT1 - (uint16_t)now);
    samples.time = now;
    for (uint8_t n = 0; n < sizeof samples.data; n += 2u) {
      samples.data[n] = (uint8_t)(PIND >> 2) & 1u;
    }
    while ((uint8_t)(made - next) > sizeof octets / 2u) {
    }
    hr_outgoing_begin(&out, octets, out.at, HR_SAMPLES);
    hr_outgoing_put(&out, octets, (const uint8_t *)&samples, sizeof samples);
    hr_outgoing_end(&out, octets);
    cli();
    made = out.at;
    UCSR0B |= 1u << UDRIE0;
    sei();
  }
}
