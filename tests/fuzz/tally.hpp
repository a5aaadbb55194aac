// SPDX-License-Identifier: Apache-2.0
// tally.hpp -- what a target counts beside its executions, printed at exit as libFuzzer prints its
// own figures; and how it stops when what must hold does not.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "plasma_edge/status.hpp"

namespace plasma::test {

struct Tally {
  uint64_t behind_signature = 0;  // inputs that reached code behind the signature check
  uint64_t accepted = 0;          // programs and patches that ran; frames, signatures, roots

  ~Tally() {
    std::fprintf(stderr, "stat::behind_the_signature: %llu\nstat::accepted: %llu\n",
                 static_cast<unsigned long long>(behind_signature),
                 static_cast<unsigned long long>(accepted));
  }
};
inline Tally tally;

// By how a packet was refused. E_LIMIT and E_RESERVED come before the signature and after it: they
// count as before.
inline bool is_behind_signature(const Error& error) {
  switch (error.status) {
    case Status::Argument:
    case Status::TooLarge:
    case Status::Magic:
    case Status::Truncated:
    case Status::Version:
    case Status::Kind:
    case Status::Limit:
    case Status::Reserved:
    case Status::Layout:
    case Status::Trailing:
    case Status::Padding:
    case Status::DupSigner:
    case Status::SigBad:
    case Status::SigUnknownKey:
    case Status::SigRole:
    case Status::SigThreshold: return false;
    default: return true;
  }
}

// libFuzzer keeps the input of a process that aborts.
inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "contradicted: %s\n", what);
  std::abort();
}

}  // namespace plasma::test
