#include "frame.h"

/* The frame's polynomial, 0x1021, an octet at once and in halves: every octet of the line passes here. */
static uint16_t frame_crc(uint16_t crc, const uint8_t *octets, uint8_t count) {
  uint8_t high = (uint8_t)(crc >> 8);
  uint8_t low = (uint8_t)(crc & 0xFFu);
  for (uint8_t n = 0; n < count; n++) {
    uint8_t x = high ^ octets[n];
    x ^= (uint8_t)(x >> 4);
    high = (uint8_t)(low ^ (uint8_t)(x << 4) ^ (uint8_t)(x >> 3));
    low = (uint8_t)((uint8_t)(x << 5) ^ x);
  }
  return (uint16_t)((uint16_t)high << 8 | low);
}

uint16_t hr_crc16(uint16_t polynomial, uint16_t crc, const uint8_t *octets, uint8_t count) {
  if (polynomial == HR_CRC_FRAME) {
    return frame_crc(crc, octets, count);
  }
  for (uint8_t n = 0; n < count; n++) {
    crc ^= (uint16_t)((uint16_t)octets[n] << 8);
    for (uint8_t bit = 0; bit < 8u; bit++) {
      const uint16_t out = crc & 0x8000u;
      crc = (uint16_t)(crc << 1);
      if (out != 0u) {
        crc ^= polynomial;
      }
    }
  }
  return crc;
}

void hr_cobs_stuff(uint8_t *frame, uint8_t count) {
  uint8_t last = 0; /* where the newest code stands */
  for (uint8_t n = 1; n <= count && n != 0u; n++) {
    if (frame[n] == 0u) {
      frame[last] = (uint8_t)(n - last);
      last = n;
    }
  }
  frame[last] = (uint8_t)(count + 1u - last);
}

int16_t hr_cobs_unstuff(uint8_t *frame, uint8_t count) {
  uint8_t in = 0;
  uint8_t out = 0;
  while (in < count) {
    const uint8_t code = frame[in];
    if (code == 0u || code > (uint8_t)(count - in)) {
      return -1;
    }
    for (uint8_t n = 1; n < code; n++) {
      if (frame[in + n] == 0u) {
        return -1;
      }
      frame[out] = frame[in + n];
      out++;
    }
    in = (uint8_t)(in + code);
    if (in < count && code != 0xFFu) {
      frame[out] = 0;
      out++;
    }
  }
  return out;
}

uint8_t hr_frame_close(uint8_t *frame, uint8_t payload) {
  const uint16_t crc = hr_crc16(HR_CRC_FRAME, 0xFFFFu, &frame[1], payload);
  frame[payload + 1u] = (uint8_t)(crc & 0xFFu);
  frame[payload + 2u] = (uint8_t)(crc >> 8);
  hr_cobs_stuff(frame, (uint8_t)(payload + 2u));
  frame[payload + 3u] = 0;
  return (uint8_t)(payload + HR_FRAME_MORE);
}

int16_t hr_frame_open(uint8_t *frame, uint8_t count) {
  const int16_t size = hr_cobs_unstuff(frame, count);
  if (size < 3) {
    return -1;
  }
  const uint8_t payload = (uint8_t)(size - 2);
  const uint16_t crc = hr_crc16(HR_CRC_FRAME, 0xFFFFu, frame, payload);
  if (frame[payload] != (uint8_t)(crc & 0xFFu) || frame[payload + 1u] != (uint8_t)(crc >> 8)) {
    return -2;
  }
  return payload;
}
