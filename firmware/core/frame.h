/* Frames: COBS(payload, CRC-16), ended by a zero. Pure functions on memory. */
#ifndef HANDRAIL_FRAME_H
#define HANDRAIL_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#define HR_FRAME_MORE 4u /* octets that a frame has beside its payload */
#define HR_PAYLOAD_MOST 251u

/* Polynomial 0x1021, most significant bit first; begun with 0xFFFF: CRC-16/IBM-3740. */
uint16_t hr_frame_crc(uint16_t crc, const uint8_t *octets, uint8_t count);

/* Polynomial 0x3D65, likewise; begun with the session and inverted at the end: CRC-16/EN-13757. */
uint16_t hr_guard_crc(uint16_t crc, const uint8_t *octets, uint8_t count);

/* A frame on its way out, made in a ring of 256 octets where its places in it wrap by themselves: whoever sends it from
 * there may have it made piece by piece. */
typedef struct {
  uint8_t at;   /* the next octet's place */
  uint8_t code; /* of its present block: written when that ends */
  uint16_t crc;
} hr_outgoing;

/* Begin a frame at a place of the ring with its payload's first octet, a message's number. */
void hr_outgoing_begin(hr_outgoing *out, uint8_t *ring, uint8_t at, uint8_t number);

/* Add octets of its payload, HR_PAYLOAD_MOST with the first. */
void hr_outgoing_put(hr_outgoing *out, uint8_t *ring, const uint8_t *octets, uint8_t count);

/* Add its CRC and the zero at its end; `at` is then the place behind it. */
void hr_outgoing_end(hr_outgoing *out, uint8_t *ring);

/* A frame on its way in: each octet is worked off while the line brings the next, so that little is left at its end. */
typedef struct {
  uint8_t *octets; /* of the payload, then its CRC */
  uint8_t room;    /* for so many */
  uint8_t count;
  uint8_t left; /* octets of its present block */
  bool zero;    /* one stands before the next block */
  bool broken;  /* it was too long */
  uint16_t crc; /* of all but the last two */
} hr_incoming;

/* Begin, with `octets` and `room` as they are. */
void hr_incoming_begin(hr_incoming *in);

/* Take an octet of the line that is not zero. */
void hr_incoming_take(hr_incoming *in, uint8_t octet);

/* A zero came: return the payload's size, 0 where there was nothing, -1 where it is no frame, -2 where its CRC is
 * wrong; and begin anew. The payload stands until the next octet is taken. */
int16_t hr_incoming_end(hr_incoming *in);

#endif
