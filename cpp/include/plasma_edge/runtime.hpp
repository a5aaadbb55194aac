// SPDX-License-Identifier: Apache-2.0
// runtime.hpp -- the C++ door: load a signed packet, step it, swap adapters under it.
//
//   plasma::Trust trust{.keys = {release_key}};
//   std::unique_ptr<plasma::Policy> policy;
//   if (plasma::Error error = plasma::Policy::load(bytes, trust, {}, policy)) return report(error);
//   policy->step(inputs, outputs);            // every tick
//
// load() may fail slowly and clearly; step() cannot fail, allocate, lock or wait. A Policy serves
// one control loop: one thread steps it; attach, detach, set_gains and stats may come from any
// other thread at any time and never make a step wait. What they change is live at the next step.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plasma_edge/status.hpp"

namespace plasma {

using PublicKeyBytes = std::array<uint8_t, 32>;
using DigestBytes = std::array<uint8_t, 32>;

// Whom a device believes: Ed25519 public keys, and how many distinct ones must have signed. Or a
// trust root, the bytes of root.plasma, and no keys: the file must come from where only the owner
// of the device writes.
struct Trust {
  std::vector<PublicKeyBytes> keys;
  uint32_t threshold = 1;
  std::vector<uint8_t> root = {};
};

enum class Audit : uint32_t { None = 0, Unverified = 1, Verified = 2 };

// What work takes on one board with one kernel table, its caches cold: measure_board().
enum class WorkClass : size_t { LinearI8, LinearF32, Conv2d, Pool, Other };
inline constexpr size_t kWorkClasses = 5;
struct Rate {
  double us_per_op = 0, us_per_unit = 0;
};
struct Board {
  double us_per_step = 0;
  std::array<Rate, kWorkClasses> rates;
};

struct LoadOptions {
  std::string channel;                // empty: any
  Audit require_audit = Audit::None;  // at least this verdict, for the base and for every adapter
  uint64_t deadline_ns = 0;           // steps that take longer are counted; 0: none
  std::optional<Board> board;         // refuse packets whose bound on it exceeds the deadline
  const char* kernels = nullptr;      // kernel table by name; null: the fastest this CPU runs
  bool lock_memory = false;           // keep what a step reads and writes in RAM (mlock)
  uint64_t max_file_bytes = 256ull << 20;
  uint64_t max_memory_bytes = 64ull << 20;  // for constants, arena and state, each
  uint64_t max_cost_units = UINT64_MAX;     // of one tick, adapters included
  uint64_t seed = 0;                        // of what `uniform` and `normal` draw
};

enum class ElementType : uint8_t { F32 = 3, I32 = 4 };

struct IoInfo {
  std::string name;
  std::string unit;
  ElementType type = ElementType::F32;
  std::vector<uint32_t> shape;
  float low = 0, high = 0;  // stated range; both 0: not stated
  bool is_actuator = false;
  uint64_t elements = 0;

  // A single index, such as a discrete action: a number, not an array, to those who call.
  [[nodiscard]] bool is_index() const { return type == ElementType::I32 && elements == 1; }
};

// What a verified packet says about itself.
struct PacketInfo {
  uint16_t kind = 0;  // 1 base, 2 adapter
  DigestBytes content_digest{};
  DigestBytes base_digest{};
  Audit audit{};
  std::array<uint8_t, 16> channel_id{};
  uint64_t sequence = 0;
  uint32_t rollback_index = 0;
  uint64_t not_before = 0, not_after = 0;
  uint64_t arena_bytes = 0, state_bytes = 0, const_bytes = 0, macs = 0, cost_units = 0;
  uint32_t max_adapters = 0;
  uint64_t file_bytes = 0;
  std::vector<std::array<uint8_t, 16>> signers;  // ids of the trusted keys that signed
};

struct AdapterInfo {
  std::string name;
  float gain = 0;
  DigestBytes content_digest{};
};

// What a trust root says (FORMAT.md, 8).
struct RootKey {
  std::string name;
  PublicKeyBytes key{};
  bool signs_bases = false, signs_adapters = false, signs_roots = false;
};
struct RootChannel {
  std::string name;
  uint64_t sequence_floor = 0;
  uint32_t rollback_floor = 0;
  uint32_t reset = 0;
  std::vector<size_t> keys;  // which of the root's keys may sign in it
};
struct RootInfo {
  uint32_t version = 0;
  uint64_t issued_at = 0, expires = 0;
  DigestBytes content_digest{};
  uint32_t base_threshold = 0, adapter_threshold = 0, root_threshold = 0;
  std::vector<RootKey> keys;
  std::vector<RootChannel> channels;  // none: every channel
  std::vector<DigestBytes> revoked;
};

// What installing asks besides running, of a device that keeps these (FORMAT.md, 9). Times are Unix
// seconds. A device raises a floor when a release has proven itself, never before.
struct Floor {
  std::array<uint8_t, 16> channel_id{};
  uint16_t kind = 0;  // 1 base, 2 adapter
  uint64_t sequence = 0;
  uint32_t rollback_index = 0;
  uint32_t root_version = 0;
  DigestBytes content_digest{};
};
struct DeviceState {
  std::optional<uint64_t> now;  // of a synchronised clock; none: there is no such clock
  uint64_t time_floor = 0;      // it is not earlier than this
  bool strict_clock = false;    // without a clock, refuse what states times
  std::vector<Floor> floors;
};

// An instruction of the base, its work, and the mean of the middle half of the times it took.
struct OpTime {
  const char* op;  // its mnemonic
  uint64_t cost_units = 0;
  double us = 0;
};

struct NamedGain {
  std::string_view name;
  float gain = 0;
};

struct Stats {
  uint64_t steps = 0;
  uint64_t faults = 0;  // steps that gave the safe action
  uint64_t deadline_misses = 0;
  double p50_us = 0, p99_us = 0, p999_us = 0, max_us = 0;  // percentiles to within 2 %, max exact
};

enum class StepResult : uint8_t {
  Ok,
  Fault,  // an input or result was not finite: the safe action is out, the state as it was
  Busy,   // another thread is inside step() or reset(): nothing was done
};

class Policy {
 public:
  // Verifies, decompresses, validates, self-tests a base packet (FORMAT.md, section 7).
  static Error load(std::span<const uint8_t> packet, const Trust& trust, const LoadOptions& options,
                    std::unique_ptr<Policy>& policy) noexcept;
  ~Policy();

  // One pointer per input and output, in the order of inputs() and outputs();
  // elements are f32 or i32 as stated there.
  StepResult step(const float* const* inputs, void* const* outputs) noexcept;
  // Many robots with a state each, for simulation and evaluation: row r of input i begins at
  // inputs[i] + r * elements. Rows with starts[r] begin an episode; null: none does. The states
  // stay from call to call; another number of rows begins them all anew. Row r draws its random
  // numbers from seed + r. Not counted in stats().
  Error step_batch(size_t rows, const float* const* inputs, void* const* outputs,
                   const bool* starts) noexcept;

  // Zeroes recurrent state and forgets the previous action, in every row too; random numbers begin
  // again, those of `seed` where one is given. False when another thread is inside step().
  [[nodiscard]] bool reset(std::optional<uint64_t> seed = {}) noexcept;

  // Verifies, validates and self-tests an adapter of this
  // base and switches it on, 0 <= gain <= 1, in one tick.
  Error attach(std::span<const uint8_t> packet, std::string_view name, float gain) noexcept;
  Error detach(std::string_view name) noexcept;
  // All gains change at one tick; adapters not named keep theirs. 0: resident, but skipped.
  Error set_gains(std::span<const NamedGain> gains) noexcept;

  // Where the time of a step goes, with the adapters that are on: evaluates every row once, on
  // memory of its own, and reads the clock after each instruction.
  Error profile(size_t rows, const float* const* inputs, std::vector<OpTime>& times) noexcept;

  // How long a step may take on options.board with all that is attached; none without a board. It
  // holds while nothing interrupts the step.
  [[nodiscard]] std::optional<double> bound_us() const noexcept;

  [[nodiscard]] const PacketInfo& info() const noexcept;
  [[nodiscard]] std::span<const IoInfo> inputs() const noexcept;
  [[nodiscard]] std::span<const IoInfo> outputs() const noexcept;
  [[nodiscard]] const char* kernels() const noexcept;
  [[nodiscard]] std::vector<AdapterInfo> adapters() const;
  [[nodiscard]] Stats stats() const noexcept;

  Policy(const Policy&) = delete;
  Policy& operator=(const Policy&) = delete;

 private:
  struct Impl;
  explicit Policy(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

// Verifies a packet without loading it: FORMAT.md section 7 up to step 8, and section 9 for a
// `device` that wants to install it (null: to run it). A base is also validated and self-tested; an
// adapter's program can only be judged on its base, by Policy::attach. Pure: reads no clock and
// keeps nothing.
Error verify_packet(std::span<const uint8_t> packet, const Trust& trust, const LoadOptions& options,
                    const DeviceState* device, PacketInfo& info) noexcept;

// Verifies a trust root: by its own keys when `previous` is empty, else as the successor of that
// root.
Error verify_root(std::span<const uint8_t> root, std::span<const uint8_t> previous,
                  RootInfo& info) noexcept;

// Times programs of one instruction with a kernel table (null: the fastest), each after its caches
// were evicted: takes seconds. `samples` are what the board's rates were made from.
struct CostSample {
  const char* op;  // its mnemonic
  WorkClass work{};
  uint64_t cost_units = 0;
  double us = 0;
};
Error measure_board(const char* kernels, Board& board, std::vector<CostSample>& samples) noexcept;

// Reads a regular file once, at most `cap` bytes; symbolic links are not followed.
Error read_packet_file(const char* path, uint64_t cap, std::vector<uint8_t>& bytes) noexcept;

// Names of the kernel tables this CPU can run, slowest first.
[[nodiscard]] std::vector<const char*> kernel_tables();

// major << 20 | minor << 10 | patch
[[nodiscard]] uint32_t runtime_version() noexcept;

}  // namespace plasma
