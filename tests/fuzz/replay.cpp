// SPDX-License-Identifier: Apache-2.0
// replay.cpp -- a fuzz target without a fuzzer: runs the files of a folder, then inputs that follow
// from their numbers, FIRST up to LAST. For any compiler, in every `make test`.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using Blob = std::vector<uint8_t>;

// No byte may be read behind the input: it has a heap block of exactly its size.
void run(const Blob& input) {
  const Blob exact(input.begin(), input.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

size_t replay(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    run(Blob(std::istreambuf_iterator<char>(file), {}));
  }
  return paths.size();
}

// 4 to 256 bytes, others for every number.
Blob input_of(uint32_t number) {
  Blob input(4 + number % 253);
  uint32_t state = number * 2'654'435'761u + 1;
  for (uint8_t& byte : input) {
    state = state * 1'664'525u + 1'013'904'223u;
    byte = static_cast<uint8_t>(state >> 24);
  }
  return input;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: %s FOLDER FIRST LAST\n", argv[0]);
    return 2;
  }
  const size_t files = replay(argv[1]);
  const auto first = static_cast<uint32_t>(std::atoll(argv[2]));
  const auto last = static_cast<uint32_t>(std::atoll(argv[3]));
  for (uint32_t number = first; number < last; ++number) run(input_of(number));
  std::printf("replayed %zu files and %u inputs\n", files, last - first);
  return files == 0;
}
