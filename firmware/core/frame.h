/* Frames: COBS(payload, CRC-16), ended by a zero. Pure functions on memory. */
#ifndef HANDRAIL_FRAME_H
#define HANDRAIL_FRAME_H

#include <stdint.h>

#define HR_FRAME_MORE 4u /* octets that a frame has beside its payload */
#define HR_PAYLOAD_MOST 251u

/* Polynomial 0x1021, most significant bit first; begun with 0xFFFF: CRC-16/IBM-3740. */
uint16_t hr_frame_crc(uint16_t crc, const uint8_t *octets, uint8_t count);

/* Polynomial 0x3D65, likewise; begun with the session and inverted at the end: CRC-16/EN-13757. */
uint16_t hr_guard_crc(uint16_t crc, const uint8_t *octets, uint8_t count);

/* Stuff `count` octets (254 at most) that stand at frame[1]; the frame is one longer, without zeros. */
void hr_cobs_stuff(uint8_t *frame, uint8_t count);

/* Unstuff a frame in place, its zero left off; return the octets that it held, or -1: no such frame. */
int16_t hr_cobs_unstuff(uint8_t *frame, uint8_t count);

/* Make a frame of a payload that stands at frame[1]; return its size, the zero included. */
uint8_t hr_frame_close(uint8_t *frame, uint8_t payload);

/* Take a frame apart in place, its zero left off. Return the payload's size, -1 where it is no
 * frame, -2 where its CRC is wrong. */
int16_t hr_frame_open(uint8_t *frame, uint8_t count);

#endif
