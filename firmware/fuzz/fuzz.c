/* libFuzzer on the whole core: octets, valid frames, buttons and time in any order.
 *
 * Each input is a list of orders: one octet says what, the next how many octets belong to it. Frames are
 * closed and sealed here, so that the fuzzer gets behind the CRC and the guard. */
#include <stdlib.h>
#include <string.h>

#include "board.h"
#include "frame.h"
#include "pins.h"
#include "port.h"
#include "state.h"

#define SESSION 0x1234u
#define PUSHER_LOW 1000u
#define PUSHER_HIGH 2000u

static void must(bool holds) {
  if (!holds) {
    abort();
  }
}

/* What has to hold whatever came. */
static void look(void) {
  const uint16_t pusher = host.width[PIN_PUSHER];
  must(pusher >= PUSHER_LOW && pusher <= PUSHER_HIGH);
  must(host.width[PIN_BUZZER] <= 1000u);
  must(!hr_now.armed || hr_now.session != 0u);
  must(!(hr_now.armed && hr_now.stopped));
  must(hr_now.armed || pusher == PUSHER_LOW);
}

static void turn(uint32_t us) {
  host.now += us;
  hr_poll();
  look();
  host.out_count = 0;
}

static void give_frame(const uint8_t *octets, uint8_t count, bool seal) {
  uint8_t payload[HR_LONGEST_FROM_HOST];
  uint8_t frame[sizeof payload + HR_FRAME_MORE];
  hr_outgoing out;
  const uint8_t size = count < sizeof payload ? count : (uint8_t)sizeof payload;
  if (size == 0u) {
    return;
  }
  memcpy(payload, octets, size);
  if (seal && size > 2u) {
    const uint16_t crc = (uint16_t)~hr_guard_crc(SESSION, payload, (uint8_t)(size - 2u));
    payload[size - 2u] = (uint8_t)(crc & 0xFFu);
    payload[size - 1u] = (uint8_t)(crc >> 8);
  }
  hr_outgoing_begin(&out, frame, 0, payload[0]);
  hr_outgoing_put(&out, frame, &payload[1], (uint8_t)(size - 1u));
  hr_outgoing_end(&out, frame);
  host_receive(frame, out.at);
}

static void obey(uint8_t what, const uint8_t *with, uint8_t count) {
  switch (what % 5u) {
    case 0:
      host_receive(with, count);
      break;
    case 1:
      give_frame(with, count, false);
      break;
    case 2:
      give_frame(with, count, true);
      break;
    case 3:
      if (count > 1u) {
        host.level[with[0] % HOST_PINS] = with[1] & 1u;
      }
      break;
    default:
      if (count > 1u) {
        turn((uint32_t)with[0] << 12 | with[1]);
      }
      break;
  }
  turn(100);
  turn(100);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  memset(&host, 0, sizeof host);
  hr_start();
  const uint8_t greet[] = {HR_GREET, HR_LINK_VERSION_MAJOR, 0, 3, 0, SESSION & 0xFFu, SESSION >> 8};
  give_frame(greet, sizeof greet, false);
  turn(100);
  size_t at = 0;
  while (at + 2u <= size) {
    const uint8_t what = data[at];
    const size_t left = size - at - 2u;
    const uint8_t count = data[at + 1u] < left ? data[at + 1u] : (uint8_t)left;
    obey(what, &data[at + 2u], count);
    at += 2u + count;
  }
  return 0;
}
