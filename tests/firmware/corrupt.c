/* A board that gets broken frames: `corrupt COUNT SEED [KIND]`. No wrong command may ever be carried out.
 *
 * Every frame commands the one channel to its own number. What the channel's handler is told must be
 * the number of this frame, or of one shortly before whose end was lost and came with this one, and
 * none twice. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "port.h"
#include "frame.h"
#include "state.h"

#define SESSION 0xBEEFu
#define KINDS 7u
#define BEFORE 8u /* frames */

static uint32_t seed;
static uint32_t current, wrong, done, done_twice, newest_done;

static uint32_t dice(uint32_t sides) {
  seed ^= seed << 13;
  seed ^= seed >> 17;
  seed ^= seed << 5;
  return seed % sides;
}

static void carried_out(const hr_wiring *me, int32_t value) {
  (void)me;
  const uint32_t number = (uint32_t)value;
  done++;
  if (number > current || number + BEFORE < current) {
    wrong++;
  } else if (number <= newest_done) {
    done_twice++;
  } else {
    newest_done = number;
  }
}

static void nothing(const hr_wiring *me) {
  (void)me;
}

static const hr_row rows[] = {{
    .info = {.kind = HR_CHANNEL_KIND_DIGITAL_OUT, .effect = HR_CHANNEL_EFFECT_CONFIGURE,
             .max_age = 60000, .low = INT32_MIN, .high = INT32_MAX},
    .wiring = {.write = carried_out, .make_safe = nothing},
}};
static hr_output outputs[1];
const hr_application hr_app = {
    .name = "corrupt", .rows = rows, .outputs = outputs, .count = 1, .stop_pin = HR_NO_PIN};

static uint8_t sealed(uint8_t *frame, uint8_t number, const void *fields, uint8_t size) {
  hr_outgoing out;
  hr_outgoing_begin(&out, frame, 0, number);
  hr_outgoing_put(&out, frame, fields, size);
  hr_outgoing_end(&out, frame);
  return out.at;
}

static uint8_t command(uint8_t *frame) {
  uint8_t payload[1 + sizeof(hr_command)] = {HR_COMMAND};
  hr_command order = {.sequence = (uint16_t)current, .channel = 0, .value = (int32_t)current};
  memcpy(&payload[1], &order, sizeof order);
  order.guard = (uint16_t)~hr_guard_crc(SESSION, payload, sizeof payload - 2u);
  return sealed(frame, HR_COMMAND, &order, sizeof order);
}

/* Break a frame of `size` octets in one of several ways; return how long it is then. */
static size_t broken(uint8_t *octets, size_t size, uint32_t kind) {
  const size_t at = dice((uint32_t)size);
  switch (kind) {
    case 0: /* some bits flip */
      for (uint32_t n = 1u + dice(6); n > 0u; n--) {
        octets[dice((uint32_t)size)] ^= (uint8_t)(1u << dice(8));
      }
      return size;
    case 1: /* an octet is dropped */
      memmove(&octets[at], &octets[at + 1u], size - at - 1u);
      return size - 1u;
    case 2: /* an octet comes twice */
      memmove(&octets[at + 1u], &octets[at], size - at);
      return size + 1u;
    case 3: /* a burst */
      for (size_t n = at; n < size && n < at + 1u + dice(12); n++) {
        octets[n] = (uint8_t)dice(256);
      }
      return size;
    case 4: /* noise as long as a frame, all of it but the end */
      for (size_t n = 0; n + 1u < size; n++) {
        octets[n] = (uint8_t)(1u + dice(255));
      }
      return size;
    case 5: /* cut off */
      return at;
    default: /* noise behind the command's number, stuffed well: only the CRC and the guard can tell */
      for (size_t n = 2; n + 1u < size; n++) {
        octets[n] = (uint8_t)(1u + dice(255));
      }
      octets[0] = (uint8_t)(size - 1u);
      return size;
  }
}

static void turn(void) {
  host.now += 100u;
  hr_poll();
  host.out_count = 0;
}

int main(int count, char **arguments) {
  const uint32_t frames = count > 1 ? (uint32_t)strtoul(arguments[1], 0, 10) : 1000u;
  uint8_t octets[128];
  const uint32_t kind = count > 3 ? (uint32_t)strtoul(arguments[3], 0, 10) : KINDS;
  seed = count > 2 ? (uint32_t)strtoul(arguments[2], 0, 10) : 1u;
  hr_start();
  const hr_greet greet = {.major = HR_LINK_VERSION_MAJOR, .session = SESSION};
  host_receive(octets, sealed(octets, HR_GREET, &greet, sizeof greet));
  turn();
  for (current = 1; current <= frames; current++) {
    size_t size = command(octets);
    const bool whole = dice(100) == 0u; /* now and then one arrives, and its number counts on */
    if (!whole) {
      size = broken(octets, size, kind < KINDS ? kind : dice(KINDS));
    }
    host_receive(octets, size);
    turn();
    turn();
    if (whole && dice(2) == 0u) {
      host_receive(octets, size); /* once more */
      turn();
      turn();
    }
  }
  printf("%u frames, %u done, %u wrong, %u twice, %u bad crc, %u bad frame, %u bad guard\n", frames,
         done, wrong, done_twice, hr_now.counts.bad_crc, hr_now.counts.bad_frame,
         hr_now.counts.bad_guard);
  return wrong + done_twice == 0u ? 0 : 1;
}
