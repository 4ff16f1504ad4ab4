#include "frame.h"

#include "flash.h"

/* An octet at once and in halves: every octet of the line passes here. */
uint16_t hr_frame_crc(uint16_t crc, const uint8_t *octets, uint8_t count) {
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

uint16_t hr_guard_crc(uint16_t crc, const uint8_t *octets, uint8_t count) {
  /* What the high four bits make of the others. */
  static const uint16_t makes[16] HR_FLASH = {
      0x0000, 0x3D65, 0x7ACA, 0x47AF, 0xF594, 0xC8F1, 0x8F5E, 0xB23B,
      0xD64D, 0xEB28, 0xAC87, 0x91E2, 0x23D9, 0x1EBC, 0x5913, 0x6476};
  for (uint8_t n = 0; n < count; n++) {
    const uint8_t octet = octets[n];
    crc = (uint16_t)(crc << 4) ^ hr_flash_word(&makes[(uint8_t)(crc >> 12 ^ octet >> 4)]);
    crc = (uint16_t)(crc << 4) ^ hr_flash_word(&makes[(uint8_t)(crc >> 12 ^ (octet & 15u))]);
  }
  return crc;
}

void hr_cobs_stuff(uint8_t *frame, uint8_t count) {
  const uint8_t *const end = frame + count + 1;
  uint8_t *code = frame; /* where the newest stands */
  for (uint8_t *at = frame + 1; at < end; at++) {
    if (*at == 0u) {
      *code = (uint8_t)(at - code);
      code = at;
    }
  }
  *code = (uint8_t)(end - code);
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
  const uint16_t crc = hr_frame_crc(0xFFFFu, &frame[1], payload);
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
  const uint16_t crc = hr_frame_crc(0xFFFFu, frame, payload);
  if (frame[payload] != (uint8_t)(crc & 0xFFu) || frame[payload + 1u] != (uint8_t)(crc >> 8)) {
    return -2;
  }
  return payload;
}
