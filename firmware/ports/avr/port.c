/* ATmega328P at 16 MHz: Arduino Uno and Nano. Pins have the numbers printed on those boards.
 *
 * Timer 1 counts freely at 2 MHz. Registers: ATmega328P datasheet, DS40002061B. */
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>
#include <avr/wdt.h>
#include <util/atomic.h>

#include "board.h"
#include "pulses.h"

#ifndef BAUD
#define BAUD 115200UL
#endif
#define RX_ROOM 64u /* a power of two */
#define I2C_HZ 100000UL

static volatile uint8_t rx[RX_ROOM];
static volatile uint8_t rx_in;
static uint8_t rx_out;
static volatile uint16_t lost;
static volatile uint16_t wraps; /* of timer 1 */
static uint8_t cause __attribute__((section(".noinit"))); /* .bss is cleared after .init3 */

/* A bootloader clears the cause; Optiboot since version 8 leaves it in r2, older ones nowhere. */
static __attribute__((naked, used, section(".init3"))) void keep_cause(void) {
  uint8_t left;
  __asm__ volatile("mov %0, r2" : "=r"(left));
  cause = MCUSR;
  if (cause == 0u && pgm_read_byte(0x7FFF) >= 8u && pgm_read_byte(0x7FFF) != 0xFFu) {
    cause = left;
  }
  MCUSR = 0;
  wdt_disable();
}

/* --- the counter ------------------------------------------------------------------------------ */

ISR(TIMER1_OVF_vect) {
  wraps++;
}

static uint32_t now(void) {
  union { /* to shift by 16 takes this chip as long as all the rest */
    struct {
      uint16_t low;
      uint16_t high;
    } half;
    uint32_t whole;
  } count;
  ATOMIC_BLOCK(ATOMIC_RESTORESTATE) {
    count.half.low = TCNT1;
    count.half.high = wraps;
    if ((TIFR1 & (1u << TOV1)) != 0u && count.half.low < 0x8000u) {
      count.half.high++; /* it has wrapped, and its interrupt waits */
    }
  }
  return count.whole;
}

/* --- the line ----------------------------------------------------------------------------------- */

ISR(USART_RX_vect) {
  const uint8_t bad = UCSR0A & (1u << DOR0);
  const uint8_t octet = UDR0;
  const uint8_t in = rx_in;
  const uint8_t next = (uint8_t)(in + 1u) & (RX_ROOM - 1u);
  const bool has_room = next != rx_out;
  if (has_room) {
    rx[in] = octet;
    rx_in = next;
  }
  if (bad != 0u || !has_room) {
    lost++;
  }
}

/* Send the octet at `out`, and end this interrupt with the last. By hand: at 1 Mbaud it comes every 160 cycles, and
 * takes 40 of them so, 55 as the compiler makes it. */
ISR(USART_UDRE_vect, ISR_NAKED) {
  __asm__ volatile(
      "push r24 \n in r24, __SREG__ \n push r24 \n push r30 \n push r31 \n"
      "lds r24, %[out] \n mov r30, r24 \n ldi r31, 0 \n"
      "subi r30, lo8(-(%[octets])) \n sbci r31, hi8(-(%[octets])) \n"
      "ld r30, Z \n sts %[udr], r30 \n"
      "inc r24 \n sts %[out], r24 \n"
      "lds r30, %[in] \n cpse r24, r30 \n rjmp 1f \n"
      "lds r24, %[control] \n andi r24, %[others] \n sts %[control], r24 \n"
      "1: pop r31 \n pop r30 \n pop r24 \n out __SREG__, r24 \n pop r24 \n reti \n" ::[octets] "i"(hr_out.octets),
      [out] "i"(&hr_out.out), [in] "i"(&hr_out.in), [udr] "n"(_SFR_MEM_ADDR(UDR0)), [control] "n"(_SFR_MEM_ADDR(UCSR0B)),
      [others] "n"((uint8_t)~(1u << UDRIE0)));
}

static int16_t receive(void) {
  if (rx_out == rx_in) {
    return -1;
  }
  const uint8_t octet = rx[rx_out];
  rx_out = (uint8_t)(rx_out + 1u) & (RX_ROOM - 1u);
  return octet;
}

static void send(void) {
  ATOMIC_BLOCK(ATOMIC_RESTORESTATE) { /* it may just have sent the last */
    if (hr_out.out != hr_out.in) {
      UCSR0B |= (1u << UDRIE0);
    }
  }
}

static uint16_t overruns(void) {
  return lost; /* torn once in 256, where it counts just then */
}

/* --- pins ------------------------------------------------------------------------------------- */

typedef struct {
  volatile uint8_t *read; /* then the direction, then the port, as the chip has them */
  uint8_t bit;
} place;

/* Every turn of the main loop reads pins, and the chip shifts by one bit at a time. */
static uint8_t bit_of(uint8_t pin) {
  static const uint8_t bits[] PROGMEM = {1, 2, 4, 8, 16, 32, 64, 128,           /* D */
                                         1, 2, 4, 8, 16, 32, 1, 2, 4, 8, 16, 32}; /* B, C */
  return pgm_read_byte(&bits[pin]);
}

static place place_of(uint8_t pin) {
  return (place){pin < 8u ? &PIND : pin < 14u ? &PINB : &PINC, bit_of(pin)};
}

static void pin_write(uint8_t pin, bool high) {
  const place at = place_of(pin);
  ATOMIC_BLOCK(ATOMIC_RESTORESTATE) { /* servos are turned by interrupts */
    at.read[2] = high ? at.read[2] | at.bit : at.read[2] & (uint8_t)~at.bit;
  }
}

static void pin_mode(uint8_t pin, hr_pin_mode mode) {
  const place at = place_of(pin);
  if (mode != HR_PIN_OUTPUT) { /* whose level stands there already */
    pin_write(pin, mode == HR_PIN_PULLED_UP);
  }
  at.read[1] = mode == HR_PIN_OUTPUT ? at.read[1] | at.bit : at.read[1] & (uint8_t)~at.bit;
}

static bool pin_read(uint8_t pin) {
  const uint8_t levels = pin < 8u ? PIND : pin < 14u ? PINB : PINC;
  return (levels & bit_of(pin)) != 0u;
}

static int32_t analog_read(uint8_t pin) {
  ADMUX = (uint8_t)((1u << REFS0) | ((pin - 14u) & 7u));
  ADCSRA |= (1u << ADSC);
  const uint32_t begun = now();
  while ((ADCSRA & (1u << ADSC)) != 0u) {
    if (now() - begun > 200u * TICKS_A_US) {
      return -1;
    }
  }
  return ADC;
}

/* --- I2C --------------------------------------------------------------------------------------- */

static uint16_t i2c_begun; /* all of an exchange has to end in its time */

static bool i2c_act(uint8_t what, uint8_t expected) {
  TWCR = (uint8_t)((1u << TWINT) | (1u << TWEN) | what);
  while ((TWCR & (1u << TWINT)) == 0u) {
    if ((uint16_t)((uint16_t)now() - i2c_begun) > 1000u * TICKS_A_US) {
      return false;
    }
  }
  return (TWSR & 0xF8u) == expected;
}

static bool i2c_send(uint8_t octet, uint8_t expected) {
  TWDR = octet;
  return i2c_act(0, expected);
}

static bool i2c_exchange(uint8_t address, const uint8_t *write, uint8_t to_write, uint8_t *read, uint8_t to_read) {
  const uint8_t to = (uint8_t)(address << 1);
  bool good = i2c_act(1u << TWSTA, 0x08) && i2c_send(to, 0x18);
  for (uint8_t n = 0; n < to_write && good; n++) {
    good = i2c_send(write[n], 0x28);
  }
  good = good && i2c_act(1u << TWSTA, 0x10) && i2c_send(to | 1u, 0x40);
  for (uint8_t n = 0; n < to_read && good; n++) {
    good = n + 1u < to_read ? i2c_act(1u << TWEA, 0x50) : i2c_act(0u, 0x58);
    read[n] = TWDR;
  }
  return good;
}

static bool i2c(uint8_t address, const uint8_t *write, uint8_t to_write, uint8_t *read, uint8_t to_read) {
  i2c_begun = (uint16_t)now();
  const bool done = i2c_exchange(address, write, to_write, read, to_read);
  TWCR = (1u << TWINT) | (1u << TWEN) | (1u << TWSTO);
  return done;
}

static void watchdog(void) {
  wdt_reset();
}

static uint8_t reset_cause(void) {
  static const uint8_t causes[] = {HR_RESET_CAUSE_WATCHDOG, HR_RESET_CAUSE_BROWN_OUT,
                                   HR_RESET_CAUSE_EXTERNAL, HR_RESET_CAUSE_POWER_ON};
  uint8_t n = 0; /* of bits 3 to 0, the gravest first */
  while (n < sizeof causes && ((unsigned)cause >> (3u - n) & 1u) == 0u) {
    n++;
  }
  return n < sizeof causes ? causes[n] : 0u;
}

EMPTY_INTERRUPT(TIMER0_COMPA_vect) /* it wakes the chip */

const hr_hal hr_port = {
    .name = "atmega328p", .counter_hz = 1000000UL * TICKS_A_US, .now = now, .receive = receive, .send = send,
    .pin_mode = pin_mode, .pin_read = pin_read, .pin_write = pin_write, .analog_read = analog_read,
    .pulse = pulse, .i2c = i2c, .watchdog = watchdog, .reset_cause = reset_cause, .overruns = overruns,
};

static void begin(void) {
  UCSR0A = 1u << U2X0; /* first: simavr takes the speed as it is when the divisor is written */
  UBRR0 = (uint16_t)((F_CPU / 4u / BAUD - 1u) / 2u); /* at double speed, rounded */
  UCSR0C = (1u << UCSZ01) | (1u << UCSZ00);
  UCSR0B = (1u << RXEN0) | (1u << TXEN0) | (1u << RXCIE0);
  TCCR1B = 1u << CS11;
  TIMSK1 = 1u << TOIE1;
  pulse_begin();
  ADCSRA = (1u << ADEN) | (1u << ADSC) | (1u << ADPS2) | (1u << ADPS1) | (1u << ADPS0);
  TWBR = (uint8_t)((F_CPU / I2C_HZ - 16u) / 2u);
  TCCR0A = 1u << WGM01; /* every ms */
  OCR0A = F_CPU / 64u / 1000u - 1u;
  TCCR0B = (1u << CS01) | (1u << CS00);
  TIMSK0 = 1u << OCIE0A;
  wdt_enable(WDTO_250MS);
}

int main(void) {
  begin();
  sei();
  hr_start();
  sleep_enable();
  for (;;) {
    hr_poll();
    const bool may_rest = hr_may_rest();
    cli();
    if (may_rest && rx_out == rx_in) {
      sei(); /* which lets one more instruction pass: no interrupt is slept through */
      sleep_cpu();
    }
    sei();
  }
}
