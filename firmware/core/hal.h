/* All that a port has to give, and what it sends. No function waits longer than it says. */
#ifndef HANDRAIL_HAL_H
#define HANDRAIL_HAL_H

#include <stdbool.h>
#include <stdint.h>

typedef enum { HR_PIN_INPUT, HR_PIN_PULLED_UP, HR_PIN_OUTPUT, HR_PIN_ANALOG } hr_pin_mode;

typedef struct {
  char name[16];       /* of the board */
  uint32_t counter_hz; /* ticks of `now` in a second, a multiple of 1000 */

  /* A counter that runs free and wraps at 2^32. */
  uint32_t (*now)(void);
  /* The next octet from the line, or -1; waits never. */
  int16_t (*receive)(void);
  /* There is something in `hr_out`: have it sent; waits never. */
  void (*send)(void);
  /* What becomes an output begins at the level that was written to it before. */
  void (*pin_mode)(uint8_t pin, hr_pin_mode mode);
  bool (*pin_read)(uint8_t pin);
  void (*pin_write)(uint8_t pin, bool high);
  /* One conversion, as the converter counts, below 0 where it does not end; 200 us at most. */
  int32_t (*analog_read)(uint8_t pin);
  /* Pulses of `width` us, every `period` us; width 0 is low, one as long as the period high. Not on a
   * pin that has no timer for that: pins.h says which have. */
  void (*pulse)(uint8_t pin, uint16_t width, uint16_t period);
  /* Write `to_write` octets to a device, then read; false where it does not answer; 1 ms at most. */
  bool (*i2c)(uint8_t address, const uint8_t *write, uint8_t to_write, uint8_t *read,
              uint8_t to_read);
  /* Tell the watchdog that the main loop lives. */
  void (*watchdog)(void);

  /* Why it began anew, an HR_RESET_CAUSE; and octets that were lost on the way in. */
  uint8_t (*reset_cause)(void);
  uint16_t (*overruns)(void);
} hr_hal;

/* What waits to be sent: frames are made where they wait, and leave from there. */
typedef struct {
  uint8_t octets[256];  /* their places wrap by themselves */
  volatile uint8_t in;  /* whole frames end before it; the core's */
  volatile uint8_t out; /* the next octet to be sent, none where it is `in`; the port's */
} hr_sending;

extern hr_sending hr_out;

/* The port's own. */
extern const hr_hal hr_port;

#endif
