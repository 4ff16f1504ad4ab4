/* The bare echo that `handrail bench firmware` holds the tools' road against: whoever sends so many octets as a
 * command has gets as many as an acknowledgement has. Nothing is looked at. ATmega328P at 16 MHz.
 *
 * It takes octets by interrupt, as a board does: to a program that polls, simavr gives them at twice the line's rate. */
#include <avr/interrupt.h>
#include <avr/io.h>

#ifndef BAUD
#define BAUD 115200UL
#endif
#define COMMAND 14u
#define ACKNOWLEDGEMENT 17u

static volatile uint8_t heard;

ISR(USART_RX_vect) {
  (void)UDR0;
  heard++;
}

int main(void) {
  UCSR0A = 1u << U2X0; /* first: simavr takes the speed as it is when the divisor is written */
  UBRR0 = (uint16_t)((F_CPU / 4u / BAUD - 1u) / 2u);
  UCSR0B = (1u << RXEN0) | (1u << TXEN0) | (1u << RXCIE0);
  sei();
  for (;;) {
    while (heard < COMMAND) {
    }
    heard = 0;
    for (uint8_t n = 0; n < ACKNOWLEDGEMENT; n++) {
      while ((UCSR0A & (1u << UDRE0)) == 0u) {
      }
      UDR0 = n;
    }
  }
}
