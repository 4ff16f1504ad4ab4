/* STM32F405 at 168 MHz from its own oscillator; the line is USART1 on PA9 and PA10.
 *
 * The counter is SysTick, read and never interrupted by; it wraps ten times a second. Servos are on PB4
 * and PB5 (timer 3), PWM on PB6 and PB7 (timer 4), I2C on PB8 and PB9, the converter on PA0 to PA7.
 * No wait is without end: QEMU's clock control reads 0, and so may a broken one. */
#include "board.h"
#include "registers.h"

#ifndef BAUD
#define BAUD 115200u
#endif
#define CORE_MHZ 168u
#define APB1_MHZ 42u
#define APB2_MHZ 84u
#define CLOCK_TIME 1000u /* us at most, for one to come */
#define I2C_TIME 1000u /* for an exchange */
#define ADC_TIME 200u
#define RX_ROOM 256u /* a power of two */
#define WRAP 0xFFFFFFu /* of SysTick */

static volatile uint8_t rx[RX_ROOM];
static volatile uint16_t rx_in;
static uint16_t rx_out;
static volatile uint16_t lost;
static uint32_t ticks_then;
static uint32_t part; /* of a us */
static uint32_t us;
static uint32_t cause;

/* --- the counter: us, from a counter of the core's clock ------------------------------------------ */

static uint32_t now(void) {
  const uint32_t ticks = SYSTICK[2]; /* counts down */
  part += (ticks_then - ticks) & WRAP;
  ticks_then = ticks;
  us += part / CORE_MHZ;
  part %= CORE_MHZ;
  return us;
}

/* Wait for a register's bits; false where they are not there in time, `most` us after `begun`. */
static bool comes(const reg *where, uint32_t bits, uint32_t begun, uint32_t most) {
  while ((*where & bits) != bits) {
    if (now() - begun > most) {
      return false;
    }
  }
  return true;
}

/* --- the line ------------------------------------------------------------------------------------- */

void usart1_interrupt(void);
void usart1_interrupt(void) {
  const uint32_t status = USART1->status;
  if ((status & 0x28u) != 0u) { /* an octet, or one that was overrun */
    const uint8_t octet = (uint8_t)USART1->data;
    const uint16_t next = (uint16_t)((rx_in + 1u) & (RX_ROOM - 1u));
    if ((status & 0x8u) != 0u || next == rx_out) {
      lost++;
    }
    if (next != rx_out) {
      rx[rx_in] = octet;
      rx_in = next;
    }
  }
}

static void pump(void) { /* in every turn, and at once */
  const uint8_t out = hr_out.out;
  if (out != hr_out.in && (USART1->status & 0x80u) != 0u) {
    USART1->data = hr_out.octets[out];
    hr_out.out = (uint8_t)(out + 1u);
  }
}

static int16_t receive(void) {
  pump();
  if (rx_out == rx_in) {
    return -1;
  }
  const uint8_t octet = rx[rx_out];
  rx_out = (uint16_t)((rx_out + 1u) & (RX_ROOM - 1u));
  return octet;
}

static uint16_t overruns(void) {
  return lost;
}

/* --- pins ----------------------------------------------------------------------------------------- */

static void set_mode(uint8_t pin, uint32_t mode, uint32_t pull, uint32_t function) {
  gpio *port = GPIO(pin / 16u);
  const uint32_t bit = pin % 16u;
  const uint32_t shift = 4u * (bit % 8u);
  port->function[bit / 8u] = (port->function[bit / 8u] & ~(0xFu << shift)) | function << shift;
  port->pull = (port->pull & ~(3u << 2u * bit)) | pull << 2u * bit;
  port->mode = (port->mode & ~(3u << 2u * bit)) | mode << 2u * bit;
}

static void pin_mode(uint8_t pin, hr_pin_mode mode) {
  static const uint8_t bits[] = {[HR_PIN_INPUT] = 0, [HR_PIN_PULLED_UP] = 0, [HR_PIN_OUTPUT] = 1,
                                 [HR_PIN_ANALOG] = 3};
  set_mode(pin, bits[mode], mode == HR_PIN_PULLED_UP ? 1u : 0u, 0);
}

static bool pin_read(uint8_t pin) {
  return (GPIO(pin / 16u)->in >> pin % 16u & 1u) != 0u;
}

static void pin_write(uint8_t pin, bool high) {
  GPIO(pin / 16u)->set_reset = 1u << (pin % 16u + (high ? 0u : 16u));
}

static int32_t analog_read(uint8_t pin) {
  ADC1->order[2] = pin % 16u;
  ADC1->status = 0; /* one before it may have ended too late */
  ADC1->control[1] |= 1u << 30;
  return comes(&ADC1->status, 2, now(), ADC_TIME) ? (int32_t)(ADC1->data & 0xFFFu) : -1;
}

/* Both timers count us; a channel's compare value is the pulse. */
static void pulse(uint8_t pin, uint16_t width, uint16_t period) {
  timer *unit = pin == 20u || pin == 21u ? TIM3 : TIM4;
  if (pin != 20u && pin != 21u && pin != 22u && pin != 23u) {
    return; /* no timer there */
  }
  set_mode(pin, 2, 0, 2);
  unit->reload = period - 1u;
  unit->compare[pin % 2u] = width;
  unit->mode[0] = 0x6868u; /* PWM mode 1, preloaded */
  unit->enable = 0x11u;
  unit->control[0] = 0x81u;
}

/* --- I2C ------------------------------------------------------------------------------------------ */

static uint32_t i2c_begun;

static bool i2c_comes(uint32_t bits) {
  return comes(&I2C1->status[0], bits, i2c_begun, I2C_TIME);
}

static bool i2c_begin(uint32_t octet) {
  I2C1->control[0] |= 1u << 8;
  if (!i2c_comes(1)) {
    return false;
  }
  I2C1->data = octet;
  return i2c_comes(2);
}

static bool i2c_exchange(uint8_t address, const uint8_t *write, uint8_t to_write, uint8_t *read,
                         uint8_t to_read) {
  bool good = i2c_begin((uint32_t)address << 1);
  (void)I2C1->status[1];
  for (uint8_t n = 0; n < to_write && good; n++) {
    I2C1->data = write[n];
    good = i2c_comes(4);
  }
  I2C1->control[0] |= 1u << 10; /* acknowledge all but the last */
  good = good && i2c_begin((uint32_t)address << 1 | 1u);
  (void)I2C1->status[1];
  for (uint8_t n = 0; n < to_read && good; n++) {
    if (n + 1u == to_read) {
      I2C1->control[0] &= ~(1u << 10);
    }
    good = i2c_comes(1u << 6);
    read[n] = (uint8_t)I2C1->data;
  }
  return good;
}

static bool i2c(uint8_t address, const uint8_t *write, uint8_t to_write, uint8_t *read,
                uint8_t to_read) {
  i2c_begun = now();
  const bool done = i2c_exchange(address, write, to_write, read, to_read);
  I2C1->control[0] |= 1u << 9;
  I2C1->status[0] = 0;
  return done;
}

/* --- life ----------------------------------------------------------------------------------------- */

static void watchdog(void) {
  IWDG[0] = 0xAAAA;
}

static uint8_t reset_cause(void) {
  if ((cause & (3u << 29)) != 0u) {
    return HR_RESET_CAUSE_WATCHDOG;
  }
  if ((cause & (1u << 28)) != 0u) {
    return HR_RESET_CAUSE_SOFTWARE;
  }
  if ((cause & (1u << 27)) != 0u) {
    return HR_RESET_CAUSE_POWER_ON;
  }
  return (cause & (1u << 25)) != 0u ? HR_RESET_CAUSE_BROWN_OUT : HR_RESET_CAUSE_EXTERNAL;
}

const hr_hal hr_port = {
    .name = "stm32f405", .counter_hz = 1000000u, .now = now, .receive = receive, .send = pump,
    .pin_mode = pin_mode, .pin_read = pin_read, .pin_write = pin_write, .analog_read = analog_read,
    .pulse = pulse, .i2c = i2c, .watchdog = watchdog, .reset_cause = reset_cause,
    .overruns = overruns,
};

static void counter(void) {
  SYSTICK[1] = WRAP;
  SYSTICK[2] = 0;
  SYSTICK[0] = 5;
}

/* 16 MHz / 8 * 168 / 2; flash needs 5 wait states. Where it does not lock, the line stays mute. The counter counts a
 * tenth of its us until then. */
static void clocks(void) {
  cause = RCC[RCC_CSR];
  RCC[RCC_CSR] |= 1u << 24;
  RCC[RCC_PLLCFGR] = 8u | 168u << 6 | 7u << 24;
  RCC[RCC_CR] |= 1u << 24;
  (void)comes(&RCC[RCC_CR], 1u << 25, now(), CLOCK_TIME);
  FLASH_ACR = 0x705u;
  RCC[RCC_CFGR] = 2u | 5u << 10 | 4u << 13;
  (void)comes(&RCC[RCC_CFGR], 2u << 2, now(), CLOCK_TIME);
  RCC[RCC_AHB1ENR] |= 0xFu;
  RCC[RCC_APB1ENR] |= 1u << 1 | 1u << 2 | 1u << 21;
  RCC[RCC_APB2ENR] |= 1u << 4 | 1u << 8;
}

static void line(void) {
  set_mode(9, 2, 0, 7);
  set_mode(10, 2, 1, 7);
  USART1->baud = (APB2_MHZ * 1000000u + BAUD / 2u) / BAUD;
  USART1->control[0] = 0x202Cu; /* on, both ways, an interrupt for each octet that comes */
  NVIC_ENABLE[1] = 1u << (37u - 32u);
}

static void converter(void) {
  ADC_COMMON = 1u << 16; /* a quarter of APB2's clock, 21 MHz: its datasheet allows 36 */
  ADC1->time[1] = 0x924924u; /* 84 cycles of it, 4 us, for each of PA0 to PA7 */
  ADC1->control[1] = 1;
}

static void i2c_on(void) {
  set_mode(24, 2, 1, 4);
  set_mode(25, 2, 1, 4);
  GPIO(1)->type |= 3u << 8;
  I2C1->control[1] = APB1_MHZ;
  I2C1->clock = APB1_MHZ * 5u; /* 100 kHz */
  I2C1->rise = APB1_MHZ + 1u;
  I2C1->control[0] = 1;
}

static void watch(void) { /* 32 kHz / 32, 250 of it: 250 ms */
  IWDG[0] = 0x5555;
  IWDG[1] = 3;
  IWDG[2] = 250;
  IWDG[0] = 0xCCCC;
}

int main(void) {
  counter();
  clocks();
  line();
  TIM3->prescaler = 2u * APB1_MHZ - 1u;
  TIM4->prescaler = 2u * APB1_MHZ - 1u;
  converter();
  i2c_on();
  watch();
  hr_start();
  for (;;) {
    hr_poll();
  }
}
