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
  uint32_t ticks_a_ms; /* of the counter: a division takes as long as half an octet of the line */
  hr_status counts;
} hr_state;

extern hr_state hr_now;

/* board.c */
bool hr_send(uint8_t number, const void *fields, uint8_t size);
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
void hr_streams_poll(uint32_t now);
bool hr_streams_may_rest(void);

#endif
