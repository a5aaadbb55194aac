/* SPDX-License-Identifier: Apache-2.0
 * plasma_edge.h -- the C door to the runtime, for robots without Python.
 *
 * Every function that can fail returns a code from status.def (0 is success) and, when `error` is
 * not null, fills in a message that says what was found, what was expected and what to do. Nothing
 * else is written on failure. Threads: one thread steps a policy; all other calls may come from any
 * thread and never make a step wait.
 */
#ifndef PLASMA_EDGE_H
#define PLASMA_EDGE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PE_PUBLIC_KEY_BYTES 32
#define PE_DIGEST_BYTES 32
#define PE_CHANNEL_BYTES 16

typedef struct pe_policy pe_policy;

typedef struct pe_error {
  int32_t code;
  char message[256];
} pe_error;

/* Whom the device believes: `key_count` Ed25519 public keys of 32 bytes, one after the other. Or a
 * trust root, the bytes of root.plasma, and no keys. */
typedef struct pe_trust {
  const uint8_t* keys;
  size_t key_count;
  uint32_t threshold; /* distinct keys that must have signed, at least 1; a root has its own */
  const uint8_t* root;
  size_t root_bytes;
} pe_trust;

/* What a device confirmed last of one kind of packet in one channel. */
typedef struct pe_floor {
  uint8_t channel_id[PE_CHANNEL_BYTES];
  uint32_t kind; /* 1 base, 2 adapter */
  uint32_t rollback_index;
  uint64_t sequence;
  uint32_t root_version; /* of the root it was confirmed under; 0: a list of keys */
  uint8_t content_digest[PE_DIGEST_BYTES];
} pe_floor;

/* A device that wants to install: FORMAT.md, section 9. Times are Unix seconds. */
typedef struct pe_device {
  const uint64_t* now;   /* of a synchronised clock; null: there is none */
  uint64_t time_floor;   /* it is not earlier than this */
  uint32_t strict_clock; /* not 0: without a clock, refuse what states times */
  const pe_floor* floors;
  size_t floor_count;
} pe_device;

/* Zero-initialise, then set what you need: zero means the default everywhere. */
typedef struct pe_options {
  const char* channel;       /* null: any */
  uint32_t require_audit;    /* 0 none, 1 unverified, 2 verified */
  uint64_t deadline_ns;      /* steps that take longer are counted; 0: none */
  const char* kernels;       /* kernel table by name; null: the fastest */
  uint64_t max_memory_bytes; /* for constants, arena and state, each; 0: 64 MiB */
  uint64_t max_cost_units;   /* of one tick; 0: no limit */
  uint32_t lock_memory;      /* not 0: keep what a step reads and writes in RAM (mlock) */
  uint64_t seed;             /* of what `uniform` and `normal` draw */
} pe_options;

typedef enum pe_element { PE_F32 = 3, PE_I32 = 4 } pe_element;

/* Pointers stay valid as long as the policy. */
typedef struct pe_io {
  const char* name;
  const char* unit;
  pe_element type;
  uint64_t elements;
  int32_t is_actuator;
} pe_io;

typedef struct pe_stats {
  uint64_t steps, faults, deadline_misses;
  double p50_us, p99_us, p999_us, max_us;
} pe_stats;

typedef enum pe_step_result {
  PE_STEP_OK = 0,
  PE_STEP_FAULT = 1, /* a value was not finite: the outputs are the safe action */
  PE_STEP_BUSY = 2   /* another thread is inside step or reset: nothing was done */
} pe_step_result;

/* Verifies, decompresses, validates and self-tests a base packet. options may be null. */
int32_t pe_policy_load(const char* path, const pe_trust* trust, const pe_options* options,
                       pe_policy** policy, pe_error* error);
int32_t pe_policy_load_bytes(const uint8_t* packet, size_t packet_bytes, const pe_trust* trust,
                             const pe_options* options, pe_policy** policy, pe_error* error);
void pe_policy_free(pe_policy* policy); /* null is allowed */

size_t pe_policy_input_count(const pe_policy* policy);
size_t pe_policy_output_count(const pe_policy* policy);
pe_io pe_policy_input(const pe_policy* policy, size_t index);  /* index < pe_policy_input_count */
pe_io pe_policy_output(const pe_policy* policy, size_t index); /* index < pe_policy_output_count */
void pe_policy_digest(const pe_policy* policy, uint8_t digest[PE_DIGEST_BYTES]);

/* One tick: one pointer per input and output, `elements` values of its type each. Never allocates,
 * locks or waits. */
pe_step_result pe_policy_step(pe_policy* policy, const float* const* inputs, void* const* outputs);
/* Zeroes recurrent state; random numbers begin again. PE_STEP_BUSY when another thread is inside
 * step. */
pe_step_result pe_policy_reset(pe_policy* policy);
/* The same, and from now on random numbers are those of this seed. */
pe_step_result pe_policy_reset_to(pe_policy* policy, uint64_t seed);

/* Verified now, live at the next step. 0 <= gain <= 1. */
int32_t pe_policy_attach(pe_policy* policy, const char* path, const char* name, float gain,
                         pe_error* error);
int32_t pe_policy_attach_bytes(pe_policy* policy, const uint8_t* packet, size_t packet_bytes,
                               const char* name, float gain, pe_error* error);
int32_t pe_policy_detach(pe_policy* policy, const char* name, pe_error* error);
/* Changes all the named gains at one tick. */
int32_t pe_policy_set_gains(pe_policy* policy, const char* const* names, const float* gains,
                            size_t count, pe_error* error);

pe_stats pe_policy_stats(const pe_policy* policy);

/* Verifies a packet without loading it; with a device, also whether it may be installed. Reads no
 * clock and keeps nothing. `floor` (null is allowed) is what the device should keep once the packet
 * has proven itself, and not before. options may be null. */
int32_t pe_packet_verify(const uint8_t* packet, size_t packet_bytes, const pe_trust* trust,
                         const pe_options* options, const pe_device* device, pe_floor* floor,
                         pe_error* error);
/* Verifies a trust root: by its own keys when previous_bytes is 0, else as the successor of that
 * root. */
int32_t pe_root_verify(const uint8_t* root, size_t root_bytes, const uint8_t* previous,
                       size_t previous_bytes, uint32_t* version, pe_error* error);

/* "E_SIG_BAD" for a code; "OK" for 0. */
const char* pe_status_code(int32_t code);

#ifdef __cplusplus
}
#endif

#endif
