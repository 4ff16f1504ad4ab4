/* An ATmega328P whose converter does not convert: prints what is read of it, below 0 as 1, and the us that took. */
#define main board_main
#include "port.c"
#undef main

hr_sending hr_out;

void hr_start(void) {}
void hr_poll(void) {}
bool hr_may_rest(void) {
  return false;
}

static void say(uint32_t number) {
  char digits[10];
  uint8_t count = 0;
  do {
    digits[count++] = (char)('0' + number % 10u);
    number /= 10u;
  } while (number != 0u);
  while (count > 0u) {
    UDR0 = (uint8_t)digits[--count];
  }
  UDR0 = '\n';
}

int main(void) {
  begin();
  wdt_disable();
  ADCSRA = 0;
  const uint32_t begun = now();
  const int32_t found = hr_port.analog_read(14);
  const uint32_t passed = now() - begun;
  UCSR0B = 1u << TXEN0;
  say(found < 0 ? 1u : 0u);
  say(passed / TICKS_A_US);
  cli();
  sleep_mode(); /* ends the simulator */
}
