#include "port.h"

#include <string.h>

#include "hal.h"
#include "link.h"

host_board host;

void host_receive(const uint8_t *octets, size_t count) {
  if (host.in_from == host.in_to) {
    host.in_from = 0;
    host.in_to = 0;
  }
  for (size_t n = 0; n < count; n++) {
    if (host.in_to == HOST_ROOM) {
      host.overruns++;
    } else {
      host.in[host.in_to] = octets[n];
      host.in_to++;
    }
  }
}

static uint32_t now(void) {
  return host.now;
}

static int16_t receive(void) {
  if (host.in_from == host.in_to) {
    return -1;
  }
  return host.in[host.in_from++];
}

void host_send(size_t count) {
  for (; count > 0u && hr_out.out != hr_out.in && host.out_count < HOST_ROOM; count--) {
    host.out[host.out_count] = hr_out.octets[hr_out.out];
    host.out_count++;
    hr_out.out++;
  }
}

static void send(void) {
  if (!host.is_narrow) {
    host_send(HOST_ROOM);
  }
}

static void pin_mode(uint8_t pin, hr_pin_mode mode) {
  if (mode == HR_PIN_OUTPUT && host.changed != 0) {
    host.changed("drive", pin, host.level[pin]);
  }
}

static bool pin_read(uint8_t pin) {
  return host.level[pin] != 0u;
}

static void pin_write(uint8_t pin, bool high) {
  host.writes++;
  if (host.level[pin] != (high ? 1u : 0u)) {
    host.level[pin] = high ? 1u : 0u;
    if (host.changed != 0) {
      host.changed("pin", pin, host.level[pin]);
    }
  }
}

static int32_t analog_read(uint8_t pin) {
  return host.analog[pin];
}

static void pulse(uint8_t pin, uint16_t width, uint16_t period) {
  (void)period;
  host.writes++;
  if (host.width[pin] != width) {
    host.width[pin] = width;
    if (host.changed != 0) {
      host.changed("pulse", pin, width);
    }
  }
}

static bool i2c(uint8_t address, const uint8_t *write, uint8_t to_write, uint8_t *read,
                uint8_t to_read) {
  (void)address;
  (void)write;
  if (to_write != 1u || to_read != 2u || host.sensor < INT16_MIN || host.sensor > INT16_MAX) {
    return false;
  }
  read[0] = (uint8_t)((uint32_t)host.sensor >> 8 & 0xFFu);
  read[1] = (uint8_t)((uint32_t)host.sensor & 0xFFu);
  return true;
}

static void watchdog(void) {}

static uint8_t reset_cause(void) {
  return host.reset_cause;
}

static uint16_t overruns(void) {
  return host.overruns;
}

const hr_hal hr_port = {
    .name = "host",
    .counter_hz = 1000000,
    .now = now,
    .receive = receive,
    .send = send,
    .pin_mode = pin_mode,
    .pin_read = pin_read,
    .pin_write = pin_write,
    .analog_read = analog_read,
    .pulse = pulse,
    .i2c = i2c,
    .watchdog = watchdog,
    .reset_cause = reset_cause,
    .overruns = overruns,
};
