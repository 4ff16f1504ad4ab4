/* What the core's files share. */
#ifndef HANDRAIL_STATE_H
#define HANDRAIL_STATE_H

#include "board.h"
#include "frame.h"

#ifndef HR_STREAMS
#define HR_STREAMS 4u
#endif

/* For tests of mixed versions, a board can say that it is another. */
#ifndef HR_SPEAKS_MAJOR
#define HR_SPEAKS_MAJOR HR_LINK_VERSION_MAJOR
#define HR_SPEAKS_MINOR HR_LINK_VERSION_MINOR
#endif
#ifndef HR_FEATURES
#define HR_FEATURES (HR_LINK_FEATURE_STREAMS | HR_LINK_FEATURE_CLOCK)
#endif

typedef struct {
  uint16_t session; /* 0: none */
  bool armed;
  bool stopped; /* the emergency stop is open */
  hr_status counts;
} hr_state;

extern hr_state hr_now;

#define HR_TICKS_A_MS (hr_port.counter_hz / 1000u)

/* line.c */
void hr_line_start(void);
uint8_t hr_room(void); /* octets that may wait besides */
bool hr_send(uint8_t number, const void *fields, uint8_t size);
/* There has to be room for the frame, and the fields stand until the last piece has gone. */
void hr_send_in_pieces(uint8_t number, const void *fields, uint8_t size);
extern uint8_t hr_left; /* octets of it; 0: none leaves in pieces */
void hr_send_a_piece(void);
void hr_send_the_rest(void); /* samples are taken meanwhile */

/* board.c */
void hr_event_out(uint8_t kind, uint8_t channel, int32_t value, uint32_t now);
void hr_take(uint8_t *payload, uint8_t size);
void hr_octet(uint8_t octet);

/* outputs.c */
void hr_outputs_start(void);
void hr_outputs_poll(uint32_t now);
bool hr_outputs_may_rest(void);
void hr_all_safe(void);
void hr_session_begin(uint16_t session);
void hr_on_command(const uint8_t *payload);
void hr_on_set_stream(const uint8_t *payload);
void hr_on_arm(const uint8_t *payload);

/* streams.c */
void hr_streams_end(void);
uint8_t hr_stream_set(const hr_set_stream *order, const hr_channel *info, uint32_t now);
bool hr_streams_sample(void); /* what is due; tell whether anything was */
void hr_streams_poll(void);   /* that, and send what is full */
bool hr_streams_may_rest(void);

#endif
