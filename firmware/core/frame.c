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

uint8_t hr_frame_close(uint8_t *frame, uint8_t payload) {
  const uint16_t crc = hr_frame_crc(0xFFFFu, &frame[1], payload);
  frame[payload + 1u] = (uint8_t)(crc & 0xFFu);
  frame[payload + 2u] = (uint8_t)(crc >> 8);
  hr_cobs_stuff(frame, (uint8_t)(payload + 2u));
  frame[payload + 3u] = 0;
  return (uint8_t)(payload + HR_FRAME_MORE);
}

void hr_incoming_begin(hr_incoming *in) {
  in->count = 0;
  in->left = 0;
  in->zero = false;
  in->broken = false;
  in->crc = 0xFFFFu;
}

static void put(hr_incoming *in, uint8_t octet) {
  if (in->count == in->room) {
    in->broken = true;
    return;
  }
  if (in->count >= 2u) {
    in->crc = hr_frame_crc(in->crc, &in->octets[in->count - 2u], 1);
  }
  in->octets[in->count] = octet;
  in->count++;
}

void hr_incoming_take(hr_incoming *in, uint8_t octet) {
  if (in->left > 0u) {
    in->left--;
    put(in, octet);
    return;
  }
  if (in->zero) {
    put(in, 0);
  }
  in->left = (uint8_t)(octet - 1u);
  in->zero = octet != 0xFFu;
}

int16_t hr_incoming_end(hr_incoming *in) {
  int16_t found = -1;
  if (in->count == 0u && in->left == 0u && !in->zero) {
    found = 0;
  } else if (in->left == 0u && !in->broken && in->count >= 3u) {
    const uint8_t payload = (uint8_t)(in->count - 2u);
    const bool right = in->octets[payload] == (uint8_t)(in->crc & 0xFFu) &&
                       in->octets[payload + 1u] == (uint8_t)(in->crc >> 8);
    found = right ? payload : -2;
  } else {
    /* cut, too long or too short */
  }
  hr_incoming_begin(in);
  return found;
}
