/* What leaves by the line: frames, made in the ring from which the port sends them. */
#include "state.h"

#define PATIENCE 3u /* samples that go before a piece */
#define PIECE 6u /* octets: as long as a look at what is due */

hr_sending hr_out;
uint8_t hr_left;

static hr_outgoing outgoing;
static const uint8_t *next; /* of a frame that leaves in pieces */

void hr_line_start(void) {
  hr_left = 0;
}

static void finish(void) {
  hr_outgoing_end(&outgoing, hr_out.octets);
  __asm__ volatile("" ::: "memory"); /* the octets first: an interrupt sends what lies before `in` */
  hr_out.in = outgoing.at;
  hr_port.send();
}

uint8_t hr_room(void) {
  return (uint8_t)(UINT8_MAX - (uint8_t)(hr_out.in - hr_out.out));
}

void hr_send_in_pieces(uint8_t number, const void *fields, uint8_t size) {
  hr_outgoing_begin(&outgoing, hr_out.octets, hr_out.in, number);
  next = fields;
  hr_left = size;
}

void hr_send_a_piece(void) {
  const uint8_t size = hr_left < PIECE ? hr_left : PIECE;
  hr_outgoing_put(&outgoing, hr_out.octets, next, size);
  next += size;
  hr_left = (uint8_t)(hr_left - size);
  if (hr_left == 0u) {
    finish();
  }
}

void hr_send_the_rest(void) {
  while (hr_left != 0u) {
    for (uint8_t n = 0; n < PATIENCE && hr_streams_sample(); n++) {
    }
    hr_send_a_piece();
  }
}

bool hr_send(uint8_t number, const void *fields, uint8_t size) {
  hr_send_the_rest();
  if (hr_room() < size + 1u + HR_FRAME_MORE) {
    hr_now.counts.unsent++;
    return false;
  }
  hr_send_in_pieces(number, fields, size);
  hr_send_the_rest();
  return true;
}
