/* Made by protos/generate_link.py from link.proto; change that, then `make protos`. */
#ifndef HANDRAIL_LINK_H
#define HANDRAIL_LINK_H

#include <stdint.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the link's layout is little-endian, and so has the machine to be"
#endif

/* The protocol's version that this file describes. */
enum {
  HR_LINK_VERSION_MAJOR = 1,
  HR_LINK_VERSION_MINOR = 0,
};

/* What a side can do beyond the first version's messages, as bits. */
enum {
  /* SetStream and Samples. */
  HR_LINK_FEATURE_STREAMS = 1,
  /* AskClock and Clock. */
  HR_LINK_FEATURE_CLOCK = 2,
};

/* What a channel is. */
enum {
  HR_CHANNEL_KIND_DIGITAL_IN = 1,
  HR_CHANNEL_KIND_DIGITAL_OUT = 2,
  HR_CHANNEL_KIND_ANALOG_IN = 3,
  HR_CHANNEL_KIND_PWM = 4,
  HR_CHANNEL_KIND_SERVO = 5,
  /* Its value is the position to go to, and the one where it is. */
  HR_CHANNEL_KIND_STEPPER = 6,
  HR_CHANNEL_KIND_QUADRATURE = 7,
  HR_CHANNEL_KIND_COUNTER = 8,
  HR_CHANNEL_KIND_I2C_SENSOR = 9,
};

/* What writing a channel does to the world. */
enum {
  HR_CHANNEL_EFFECT_OBSERVE = 1,
  HR_CHANNEL_EFFECT_MOVE = 2,
  HR_CHANNEL_EFFECT_CONFIGURE = 3,
};

/* What became of a command. */
enum {
  HR_ACK_RESULT_DONE = 1,
  /* `value` is the limit that it would have passed. */
  HR_ACK_RESULT_OUT_OF_RANGE = 2,
  HR_ACK_RESULT_UNKNOWN_CHANNEL = 3,
  /* The channel is only read, or only written. */
  HR_ACK_RESULT_WRONG_DIRECTION = 4,
  /* Outputs hold their safe values until Arm. */
  HR_ACK_RESULT_NOT_ARMED = 5,
  /* The emergency-stop input is open. */
  HR_ACK_RESULT_EMERGENCY_STOP = 6,
  /* Its sequence number is older than the newest; nothing was done. */
  HR_ACK_RESULT_STALE = 7,
  /* No such message in this version; `value` is its number. */
  HR_ACK_RESULT_UNKNOWN_MESSAGE = 8,
  /* The host has not greeted with a major version that the board speaks. */
  HR_ACK_RESULT_NO_SESSION = 9,
  /* Every stream is taken, or the period is longer than a second. A shorter one than the board
   * can keep is taken, and what it misses counted. */
  HR_ACK_RESULT_NO_ROOM = 10,
  /* The sensor did not answer. */
  HR_ACK_RESULT_FAULT = 11,
};

/* Why the board began anew. */
enum {
  HR_RESET_CAUSE_POWER_ON = 1,
  HR_RESET_CAUSE_EXTERNAL = 2,
  HR_RESET_CAUSE_BROWN_OUT = 3,
  HR_RESET_CAUSE_WATCHDOG = 4,
  HR_RESET_CAUSE_SOFTWARE = 5,
};

/* What a board tells unasked. */
enum {
  HR_EVENT_KIND_EMERGENCY_STOP = 1,
  HR_EVENT_KIND_EMERGENCY_STOP_RELEASED = 2,
  /* An output went to its safe value because no command came in its time. */
  HR_EVENT_KIND_DEAD_MAN = 3,
};

/* Bits of `Status.state`. */
enum {
  HR_BOARD_STATE_ARMED = 1,
  HR_BOARD_STATE_EMERGENCY_STOP = 2,
  HR_BOARD_STATE_SESSION = 4,
};

#define HR_GREET 1u
/* Begins a session. Outputs go to their safe values, streams end, sequence numbers start
 * anew. */
typedef struct __attribute__((packed)) {
  uint8_t major;
  uint8_t minor;
  uint16_t features;
  /* Chosen by chance; the guard of every command of this session starts from it. */
  uint16_t session;
} hr_greet;
_Static_assert(sizeof(hr_greet) == 6, "layout of Greet");

#define HR_ASK_CHANNEL 2u
/* Asks for one channel's description. */
typedef struct __attribute__((packed)) {
  uint8_t channel;
} hr_ask_channel;
_Static_assert(sizeof(hr_ask_channel) == 1, "layout of AskChannel");

#define HR_COMMAND 3u
/* Sets an output. One that repeats the newest sequence number is acknowledged again, and not
 * done again. */
typedef struct __attribute__((packed)) {
  uint16_t sequence;
  uint8_t channel;
  int32_t value;
  /* CRC-16/EN-13757 over all before it, the number included, started from the session. */
  uint16_t guard;
} hr_command;
_Static_assert(sizeof(hr_command) == 9, "layout of Command");

#define HR_ASK_VALUE 4u
/* Asks for a channel's value as it is now. */
typedef struct __attribute__((packed)) {
  /* Comes back in the answer. */
  uint16_t token;
  uint8_t channel;
} hr_ask_value;
_Static_assert(sizeof(hr_ask_value) == 3, "layout of AskValue");

#define HR_SET_STREAM 5u
/* Sets how often a channel is sampled by the board's own clock; 0 ends it. */
typedef struct __attribute__((packed)) {
  uint16_t sequence;
  uint8_t channel;
  /* us between two samples */
  uint32_t period;
  /* ms after which a sample is sent also where the frame is not full. */
  uint16_t patience;
  uint16_t guard;
} hr_set_stream;
_Static_assert(sizeof(hr_set_stream) == 11, "layout of SetStream");

#define HR_ASK_CLOCK 6u
/* Asks for the board's counter. */
typedef struct __attribute__((packed)) {
  uint16_t token;
} hr_ask_clock;
_Static_assert(sizeof(hr_ask_clock) == 2, "layout of AskClock");

#define HR_ARM 7u
/* Allows outputs to leave their safe values; refused while the emergency stop is open. */
typedef struct __attribute__((packed)) {
  uint16_t sequence;
  uint16_t guard;
} hr_arm;
_Static_assert(sizeof(hr_arm) == 4, "layout of Arm");

#define HR_STOP 8u
/* Puts every output to its safe value and disarms. Nothing stands before it: no session, no
 * guard. */
typedef struct __attribute__((packed)) {
  uint16_t token;
} hr_stop;
_Static_assert(sizeof(hr_stop) == 2, "layout of Stop");

#define HR_ASK_STATUS 9u
/* Asks for the state and the fault counters. */
typedef struct __attribute__((packed)) {
  uint16_t token;
} hr_ask_status;
_Static_assert(sizeof(hr_ask_status) == 2, "layout of AskStatus");

#define HR_HELLO 129u
/* Sent after a reset, again and again until greeted, with session 0; and in answer to Greet. */
typedef struct __attribute__((packed)) {
  uint8_t major;
  uint8_t minor;
  uint16_t features;
  /* As in Greet; 0 where there is none. */
  uint16_t session;
  uint8_t channels;
  uint8_t reset_cause;
  /* CRC-16/IBM-3740 of all channels' descriptions in their order: what is installed. */
  uint16_t description;
  /* Of the application, its own count. */
  uint16_t version;
  /* Ticks of the free-running counter in a second. */
  uint32_t counter_hz;
  /* The application's name. */
  uint8_t application[16];
  /* The port's name. */
  uint8_t board[16];
} hr_hello;
_Static_assert(sizeof(hr_hello) == 48, "layout of Hello");

#define HR_CHANNEL 130u
/* One channel. Its value in `unit` is (raw + offset) * mantissa * 10^exponent. */
typedef struct __attribute__((packed)) {
  uint8_t channel;
  uint8_t kind;
  uint8_t effect;
  int8_t exponent;
  /* ms without a fresh command after which it goes to its safe value. */
  uint16_t max_age;
  int32_t low;
  int32_t high;
  /* Beyond these: it goes to no value, and lets go. A stepper slows down to a stop, whatever
   * stands here. */
  int32_t safe;
  int32_t offset;
  int32_t mantissa;
  /* Of steppers: raw/s at most. */
  uint16_t speed;
  /* Of steppers: raw/s2. */
  uint16_t acceleration;
  uint8_t name[16];
  /* UCUM code */
  uint8_t unit[8];
  uint8_t text[32];
} hr_channel;
_Static_assert(sizeof(hr_channel) == 86, "layout of Channel");

#define HR_ACK 131u
/* What became of the command with this sequence number, or Stop's token. */
typedef struct __attribute__((packed)) {
  uint16_t sequence;
  uint8_t result;
  uint8_t channel;
  int32_t value;
  /* Of the counter, when it was done. */
  uint32_t time;
} hr_ack;
_Static_assert(sizeof(hr_ack) == 12, "layout of Ack");

#define HR_VALUE 132u
/* A channel's value. */
typedef struct __attribute__((packed)) {
  uint16_t token;
  uint8_t channel;
  /* An AckResult. */
  uint8_t result;
  int32_t value;
  uint32_t time;
} hr_value;
_Static_assert(sizeof(hr_value) == 12, "layout of Value");

#define HR_SAMPLES 133u
/* Samples of one channel, a period apart: 2 octets each where its range allows, else 4. */
typedef struct __attribute__((packed)) {
  uint8_t channel;
  /* Counts the frames of this stream, so that a lost one is seen. */
  uint8_t count;
  /* Ticks that the latest of them was taken after its time. */
  uint16_t late;
  /* Of the counter, when the first was due. */
  uint32_t time;
  uint8_t data[48];
} hr_samples;
_Static_assert(sizeof(hr_samples) == 56, "layout of Samples");

#define HR_CLOCK 134u
/* The board's counter. */
typedef struct __attribute__((packed)) {
  uint16_t token;
  /* The counter when the question's last octet was taken, and when this was made. */
  uint32_t received;
  uint32_t sent;
} hr_clock;
_Static_assert(sizeof(hr_clock) == 10, "layout of Clock");

#define HR_STATUS 135u
/* The state and the fault counters. */
typedef struct __attribute__((packed)) {
  uint16_t token;
  /* BoardState bits */
  uint8_t state;
  uint8_t reset_cause;
  uint32_t time;
  /* Frames taken, and frames dropped: for their CRC, their framing or length, their guard. */
  uint32_t frames;
  uint16_t bad_crc;
  uint16_t bad_frame;
  uint16_t bad_guard;
  /* Octets that the board could not take in time. */
  uint16_t overruns;
  /* Frames that found no room to be sent. */
  uint16_t unsent;
  uint16_t refused;
  uint16_t repeated;
  uint16_t dead_man;
  uint16_t emergency_stops;
  /* Samples that were not taken in their period. */
  uint16_t missed;
  /* The longest time between two looks at the emergency stop, in ticks. */
  uint32_t longest_poll;
} hr_status;
_Static_assert(sizeof(hr_status) == 36, "layout of Status");

#define HR_EVENT 136u
/* Something that happened on the board. */
typedef struct __attribute__((packed)) {
  uint8_t kind;
  uint8_t channel;
  int32_t value;
  uint32_t time;
} hr_event;
_Static_assert(sizeof(hr_event) == 10, "layout of Event");

#define HR_LONGEST_FROM_HOST 12u
#define HR_LONGEST_FROM_BOARD 87u

#endif
