/* From reset to main, and what a C compiler expects to find. */
#include <string.h>

#include <stdint.h>

extern uint32_t data_from[], data_to[], data_end[], bss_from[], bss_end[], stack_top[];
int main(void);
void usart1_interrupt(void);
void reset(void);
void trap(void);

__attribute__((used)) void *memcpy(void *to, const void *from, size_t count) {
  uint8_t *out = to;
  const uint8_t *in = from;
  while (count > 0u) {
    *out++ = *in++;
    count--;
  }
  return to;
}

__attribute__((used)) void *memset(void *to, int value, size_t count) {
  uint8_t *out = to;
  while (count > 0u) {
    *out++ = (uint8_t)value;
    count--;
  }
  return to;
}

/* The watchdog ends it. */
void trap(void) {
  for (;;) {
  }
}

void reset(void) {
  memcpy(data_to, data_from, (size_t)((uint8_t *)data_end - (uint8_t *)data_to));
  memset(bss_from, 0, (size_t)((uint8_t *)bss_end - (uint8_t *)bss_from));
  (void)main();
  trap();
}

__attribute__((used, section(".vectors"))) void (*const vectors[16 + 38])(void) = {
    (void (*)(void))(uintptr_t)stack_top, reset, trap, trap, trap, trap, trap,
    [16 + 37] = usart1_interrupt,
};
