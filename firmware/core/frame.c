#include "frame.h"

#include "flash.h"

typedef struct {
  uint8_t high;
  uint8_t low;
} halves;

/* An octet at once and in halves: every octet of the line passes here. */
static inline halves crc_with(halves crc, uint8_t octet) {
  uint8_t x = crc.high ^ octet;
  x ^= (uint8_t)(x >> 4);
  crc.high = crc.low ^ (uint8_t)(x << 4) ^ (uint8_t)(x >> 3);
  crc.low = (uint8_t)(x << 5) ^ x;
  return crc;
}

static inline halves halved(uint16_t crc) {
  return (halves){.high = (uint8_t)(crc >> 8), .low = (uint8_t)(crc & 0xFFu)};
}

static inline uint16_t whole(halves crc) {
  return (uint16_t)((uint16_t)crc.high << 8 | crc.low);
}

uint16_t hr_frame_crc(uint16_t crc, const uint8_t *octets, uint8_t count) {
  halves so_far = halved(crc);
  for (uint8_t n = 0; n < count; n++) {
    so_far = crc_with(so_far, octets[n]);
  }
  return whole(so_far);
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

/* No block is full before its frame has ended: HR_PAYLOAD_MOST and the CRC are one. */
static inline void stuff(hr_outgoing *out, uint8_t *ring, uint8_t octet) {
  if (octet == 0u) {
    ring[out->code] = (uint8_t)(out->at - out->code);
    out->code = out->at;
  } else {
    ring[out->at] = octet;
  }
  out->at++;
}

void hr_outgoing_begin(hr_outgoing *out, uint8_t *ring, uint8_t at, uint8_t number) {
  *out = (hr_outgoing){.at = (uint8_t)(at + 1u), .code = at, .crc = hr_frame_crc(0xFFFFu, &number, 1)};
  stuff(out, ring, number);
}

void hr_outgoing_put(hr_outgoing *out, uint8_t *ring, const uint8_t *octets, uint8_t count) {
  hr_outgoing now = *out; /* in registers */
  halves crc = halved(now.crc);
  for (const uint8_t *const end = octets + count; octets < end; octets++) {
    crc = crc_with(crc, *octets);
    stuff(&now, ring, *octets);
  }
  now.crc = whole(crc);
  *out = now;
}

void hr_outgoing_end(hr_outgoing *out, uint8_t *ring) {
  stuff(out, ring, (uint8_t)(out->crc & 0xFFu));
  stuff(out, ring, (uint8_t)(out->crc >> 8));
  stuff(out, ring, 0);
  ring[out->code] = 0;
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
