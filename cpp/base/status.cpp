// SPDX-License-Identifier: Apache-2.0
// status.cpp -- turns an Error into the one message that every front end shows.
#include "plasma_edge/status.hpp"

#include <cinttypes>
#include <cstdio>

namespace plasma {
namespace {

struct Entry {
  Status status;
  const char* code;
  Family family;
  const char* sentence;
};

constexpr Entry kEntries[] = {
#define PLASMA_STATUS(code, name, text, family, sentence) \
  {Status::name, text, Family::family, sentence},
#include "plasma_edge/status.def"
#undef PLASMA_STATUS
};

const Entry& entry_of(Status status) noexcept {
  for (const Entry& entry : kEntries) {
    if (entry.status == status) return entry;
  }
  return kEntries[0];
}

const char* relation_text(Relation relation) noexcept {
  switch (relation) {
    case Relation::AtMost: return "at most ";
    case Relation::AtLeast: return "at least ";
    default: return "";
  }
}

}  // namespace

const char* status_code(Status status) noexcept { return entry_of(status).code; }
const char* status_sentence(Status status) noexcept { return entry_of(status).sentence; }
Family status_family(Status status) noexcept { return entry_of(status).family; }

size_t format_error(const Error& error, char* text, size_t capacity) noexcept {
  const Entry& entry = entry_of(error.status);
  char place[96] = "";
  if (error.where[0] != '\0' && error.index >= 0) {
    std::snprintf(place, sizeof place, "%s %d: ", error.where, error.index);
  } else if (error.where[0] != '\0') {
    std::snprintf(place, sizeof place, "%s: ", error.where);
  }
  char numbers[96] = "";
  if (error.relation != Relation::None) {
    std::snprintf(numbers, sizeof numbers, "found %" PRIu64 ", expected %s%" PRIu64 "; ",
                  error.found, relation_text(error.relation), error.expected);
  }
  const int length =
      std::snprintf(text, capacity, "%s: %s%s%s", entry.code, place, numbers, entry.sentence);
  if (length < 0 || capacity == 0) return 0;
  return static_cast<size_t>(length) < capacity ? static_cast<size_t>(length) : capacity - 1;
}

}  // namespace plasma
