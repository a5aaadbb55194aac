// SPDX-License-Identifier: Apache-2.0
// replay.cpp -- a fuzz target without a fuzzer: runs the files of the folders it is given, then as
// many inputs as asked for that follow from their number. For any compiler, in every `make test`.
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

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s FOLDER RANDOM_INPUTS\n", argv[0]);
    return 2;
  }
  const size_t files = replay(argv[1]);
  const int inputs = std::atoi(argv[2]);
  for (int i = 0; i < inputs; ++i) {
    uint32_t state = static_cast<uint32_t>(i) * 2'654'435'761u + 1;
    Blob input(static_cast<size_t>(i % 256));
    for (uint8_t& byte : input) {
      state = state * 1'664'525u + 1'013'904'223u;
      byte = static_cast<uint8_t>(state >> 24);
    }
    run(input);
  }
  std::printf("replayed %zu files and %d inputs\n", files, inputs);
  return files == 0;
}
