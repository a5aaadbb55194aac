// SPDX-License-Identifier: Apache-2.0
// test_runtime.cpp -- loading and stepping signed packets through runtime.hpp: what load() refuses
// after the signature held, and what a step promises.
#include "robot_packets.hpp"

namespace plasma::test {
namespace {

const Floats kObs = {0.3f, -0.2f, 1, 0, 0.5f, 2, 1, -1};  // obs[6], cmd[2] of the sample

PacketSpec sample_packet() { return base_packet(sample::program()); }

PacketSpec golden_packet() {
  PacketSpec spec = sample_packet();
  Rig rig(sample::program());
  add_gold(spec, gold_of(rig, {kObs, kObs, Floats(8, 0.1f)}));
  return spec;
}

// golden_packet() with these changes to GOLD.
std::string verdict_with_gold(std::initializer_list<Patch> patches) {
  PacketSpec spec = golden_packet();
  for (SectionSpec& section : spec.sections) {
    if (section.type != kGold) continue;
    for (const Patch& patch : patches) put(section.raw, patch.at, patch.value, patch.count);
  }
  return Robot().load(spec);
}

}  // namespace

TEST_CASE("a policy gives the bits of the machine, on every table") {
  for_each_table([](const kernels::KernelTable& table) {
    LoadOptions options;
    options.kernels = table.name;
    Robot robot = load_robot(sample_packet(), options);
    Rig rig(sample::program());
    CHECK(std::string(robot.policy->kernels()) == table.name);
    Dice dice{1};
    for (int i = 0; i < 200; ++i) {
      const Floats inputs = dice.floats(8, 3);
      CHECK(robot.step(inputs) == rig.tick(inputs));
    }
  });
}

TEST_CASE("compression changes nothing about what executes") {
  Robot plain = load_robot(sample_packet());
  Robot packed = load_robot(base_packet(sample::program(), 1));
  CHECK(plain.policy->info().content_digest == packed.policy->info().content_digest);
  CHECK(plain.step(kObs) == packed.step(kObs));
  CHECK(packed.attach(adapter_packet(sample::program(), sample::adapter()), "a") == "OK");
}

TEST_CASE("a policy says what its inputs and outputs are") {
  ProgramBuilder p = sample::program();
  p.io[0].unit = "m/s";
  p.io[0].low = -3, p.io[0].high = 4;
  const Robot robot = load_robot(base_packet(p));
  const IoInfo& obs = robot.policy->inputs()[0];
  CHECK(obs.name == "obs");
  CHECK(obs.unit == "m/s");
  CHECK(obs.type == ElementType::F32);
  CHECK(obs.shape == std::vector<uint32_t>{6});
  CHECK(obs.elements == 6);
  CHECK(obs.low == -3);
  CHECK(obs.high == 4);
  CHECK(!obs.is_actuator);
  const IoInfo& choice = robot.policy->outputs()[1];
  CHECK(choice.name == "choice");
  CHECK(choice.type == ElementType::I32);
  CHECK(choice.is_actuator);
}

TEST_CASE("a packet says what it needs and who signed it") {
  const PacketSpec spec = sample_packet();
  const Robot robot = load_robot(spec);
  const Rig rig(sample::program());
  const PacketInfo& info = robot.policy->info();
  CHECK(info.kind == 1);
  CHECK(info.arena_bytes == rig.program.certificate.arena_bytes);
  CHECK(info.cost_units == rig.program.certificate.cost_units);
  CHECK(info.max_adapters == 2);
  CHECK(info.file_bytes == spec.build().size());
  REQUIRE(info.signers.size() == 1);
  CHECK(Blob(info.signers[0].begin(), info.signers[0].end()) == kMaker.id());
}

TEST_CASE("an unsigned, foreign or changed packet is refused") {
  PacketSpec spec = sample_packet();
  spec.signers = {{Key{7}}};
  CHECK(Robot().load(spec) == "E_SIG_UNKNOWN_KEY");
  spec.signers = {{kMaker, sign_absent}};
  CHECK(Robot().load(spec) == "E_SIG_THRESHOLD");
  Blob file = sample_packet().build();
  file[300] ^= 1;
  CHECK(Robot().load(file) == "E_SIG_BAD");
  CHECK(Robot().load(Blob()) == "E_MAGIC");
}

TEST_CASE("a trust nobody can meet is a mistake of the caller") {
  const Blob packet = sample_packet().build();
  std::unique_ptr<Policy> policy;
  const auto verdict = [&](const Trust& trust) {
    return code_of(Policy::load(packet, trust, {}, policy));
  };
  const PublicKeyBytes key = kMaker.public_key;
  CHECK(verdict({.keys = {}}) == "E_ARGUMENT");
  CHECK(verdict({.keys = {key}, .threshold = 0}) == "E_ARGUMENT");
  CHECK(verdict({.keys = {key}, .threshold = 2}) == "E_ARGUMENT");
  CHECK(verdict({.keys = {key, key}}) == "E_KEY_DUPLICATE");
  CHECK(verdict({.keys = {key, PublicKeyBytes{}}}) == "E_KEY_INVALID");
  CHECK(verdict({.keys = {key, Key{2}.public_key}, .threshold = 2}) == "E_SIG_THRESHOLD");
  CHECK(policy == nullptr);
}

TEST_CASE("a signature does not make a program sound") {
  ProgramBuilder p = sample::program();
  const PacketSpec good = base_packet(p);
  p.instructions[sample::kPick].in = {sample::kAct};
  PacketSpec bad = good;
  bad.sections = sections_of(p.sections(), 0);
  CHECK(Robot().load(bad) == "E_PROG_SSA");
}

TEST_CASE("a certificate that is off by one in any field is refused") {
  const struct {
    const char* name;
    size_t at, count;
  } fields[] = {{"arena_bytes", 164, 4},
                {"state_bytes", 168, 4},
                {"const_bytes", 172, 4},
                {"macs", 176, 8},
                {"cost_units", 184, 8}};
  for (const auto& field : fields) {
    INFO(std::string(field.name));
    for (const int by : {-1, 1}) {
      PacketSpec spec = sample_packet();
      for (Patch& patch : spec.before_signing) {
        if (patch.at == field.at) patch.value += static_cast<uint64_t>(by);
      }
      CHECK(Robot().load(spec) == "E_CERT_MISMATCH");
    }
  }
}

TEST_CASE("golden cases pass on every table, and a wrong bit in any is refused") {
  for_each_table([](const kernels::KernelTable& table) {
    LoadOptions options;
    options.kernels = table.name;
    CHECK(Robot().load(golden_packet(), options) == "OK");
  });
  // 16 header, then 3 times 32 of inputs and 20 of outputs.
  Rig rig(sample::program());
  const Floats third = floats_of(gold_of(rig, {kObs}));
  CHECK(verdict_with_gold({{16 + 32, word_of(third[12]) ^ 1, 4}}) == "E_SELFTEST");
  CHECK(verdict_with_gold({{16 + 2 * 52 + 32 + 16, 7, 4}}) == "E_SELFTEST");
  CHECK(verdict_with_gold({{16, word_of(0.25f), 4}}) == "E_SELFTEST");  // another input
}

TEST_CASE("a golden section that does not fit the program is refused") {
  CHECK(verdict_with_gold({{0, 3, 4}}) == "OK");
  CHECK(verdict_with_gold({{0, 0, 4}}) == "E_GOLD_FORMAT");
  CHECK(verdict_with_gold({{0, 2, 4}}) == "E_GOLD_FORMAT");
  CHECK(verdict_with_gold({{0, 4, 4}}) == "E_GOLD_FORMAT");
  CHECK(verdict_with_gold({{0, 17, 4}}) == "E_GOLD_FORMAT");
  CHECK(verdict_with_gold({{0, UINT32_MAX, 4}}) == "E_GOLD_FORMAT");
  CHECK(verdict_with_gold({{4, 1, 4}}) == "E_GOLD_FORMAT");
  CHECK(verdict_with_gold({{8, 28, 4}}) == "E_GOLD_FORMAT");
  CHECK(verdict_with_gold({{12, 24, 4}}) == "E_GOLD_FORMAT");
  // Of the same size as a whole, but not in its parts.
  CHECK(verdict_with_gold({{0, 2, 4}, {8, 58, 4}}) == "E_GOLD_FORMAT");
  CHECK(verdict_with_gold({{0, 2, 4}, {12, 46, 4}}) == "E_GOLD_FORMAT");
  CHECK(verdict_with_gold({{8, 28, 4}, {12, 24, 4}}) == "E_GOLD_FORMAT");
  PacketSpec spec = sample_packet();
  add_gold(spec, Blob(15));
  Robot robot;
  const Error error = Policy::load(spec.build(), trust_in_maker(), {}, robot.policy);
  CHECK(code_of(error) == "E_GOLD_FORMAT");
  CHECK(std::string(error.where) == "header");
}

TEST_CASE("a packet of a channel loads where no channel is asked for") {
  PacketSpec spec = sample_packet();
  spec.before_signing.push_back({72, 1, 1});
  LoadOptions options;
  CHECK(Robot().load(spec, options) == "OK");
  options.channel = "arm-left";
  CHECK(Robot().load(spec, options) == "E_CHANNEL");
}

TEST_CASE("there are 1 to 16 golden cases") {
  const auto verdict = [](size_t count) {
    Rig rig(sample::program());
    PacketSpec spec = sample_packet();
    add_gold(spec, gold_of(rig, std::vector<Floats>(count, kObs)));
    return Robot().load(spec);
  };
  CHECK(verdict(0) == "E_GOLD_FORMAT");
  CHECK(verdict(1) == "OK");
  CHECK(verdict(16) == "OK");
  CHECK(verdict(17) == "E_GOLD_FORMAT");
}

TEST_CASE("what a device caps is refused one above the cap") {
  const PacketInfo info = load_robot(sample_packet()).policy->info();
  const auto verdict = [](uint64_t memory, uint64_t cost) {
    LoadOptions options;
    options.max_memory_bytes = memory;
    options.max_cost_units = cost;
    return Robot().load(sample_packet(), options);
  };
  CHECK(verdict(1 << 16, info.cost_units) == "OK");
  CHECK(verdict(1 << 16, info.cost_units - 1) == "E_DEADLINE");
  CHECK(verdict(info.arena_bytes - 1, kNoCap) == "E_MEMORY_CAP");
  CHECK(verdict(info.const_bytes - 1, kNoCap) == "E_MEMORY_CAP");
  CHECK(verdict(info.const_bytes, kNoCap) == "E_MEMORY_CAP");  // repacked they are larger
}

TEST_CASE("a kernel table nobody has is refused by name") {
  LoadOptions options;
  options.kernels = "abacus";
  CHECK(Robot().load(sample_packet(), options) == "E_KERNEL_TABLE");
}

TEST_CASE("an option's string may go once load has returned") {
  std::string name = "scalar";
  LoadOptions options;
  options.kernels = name.c_str();
  Robot robot = load_robot(sample_packet(), options);
  name.assign(1000, 'x');
  CHECK(robot.attach(adapter_packet(sample::program(), sample::adapter()), "a") == "OK");
  CHECK(std::string(robot.policy->kernels()) == "scalar");
}

TEST_CASE("a fault gives the safe action, is counted, and leaves the state") {
  Robot robot = load_robot(sample_packet()), other = load_robot(sample_packet());
  CHECK(robot.step(kObs) == other.step(kObs));
  Floats bad = kObs;
  bad[7] = std::nanf("");
  CHECK(robot.step(bad) == words(Ints{0, 0, 0, 0, 1}));
  CHECK(robot.result == StepResult::Fault);
  CHECK(robot.policy->stats().faults == 1);
  CHECK(robot.policy->stats().steps == 2);
  // Rate limits differ after a fault; choice and the unlimited actions do not.
  const Floats after = floats_of(robot.step(kObs)), expected = floats_of(other.step(kObs));
  for (const size_t i : {0, 2, 3, 4}) CHECK(after[i] == expected[i]);
  CHECK(robot.result == StepResult::Ok);
}

TEST_CASE("reset begins again, bit for bit") {
  Robot robot = load_robot(sample_packet());
  const Blob first = robot.step(kObs), second = robot.step(kObs);
  CHECK(first != second);
  CHECK(robot.policy->reset());
  CHECK(robot.step(kObs) == first);
  CHECK(robot.step(kObs) == second);
}

// Steps a row per entry of `rows` (inputs one after the other) and gives what each gets, as
// Robot::step.
std::vector<Blob> step_rows(Policy& policy, const std::vector<Floats>& rows, const bool* starts) {
  std::vector<Floats> columns;
  size_t begin = 0;
  for (const IoInfo& io : policy.inputs()) {
    Floats column;
    for (const Floats& row : rows)
      column.insert(column.end(), row.begin() + static_cast<long>(begin),
                    row.begin() + static_cast<long>(begin + io.elements));
    columns.push_back(column);
    begin += io.elements;
  }
  std::vector<const float*> inputs;
  for (const Floats& column : columns) inputs.push_back(column.data());
  std::vector<Blob> arrays;
  for (const IoInfo& io : policy.outputs()) arrays.emplace_back(rows.size() * io.elements * 4);
  std::vector<void*> outputs;
  for (Blob& array : arrays) outputs.push_back(array.data());
  REQUIRE(!policy.step_batch(rows.size(), inputs.data(), outputs.data(), starts));
  std::vector<Blob> result(rows.size());
  for (const Blob& array : arrays) {
    const size_t bytes = array.size() / rows.size();
    for (size_t row = 0; row < rows.size(); ++row)
      append(result[row], Blob(array.begin() + static_cast<long>(row * bytes),
                               array.begin() + static_cast<long>((row + 1) * bytes)));
  }
  return result;
}

TEST_CASE("a row of a batch is a robot, bit for bit, on every table") {
  constexpr size_t kRows = 5;
  for (const char* table : kernel_tables()) {
    LoadOptions options;
    options.kernels = table;
    Robot batch = load_robot(sample_packet(), options);
    std::vector<Robot> robots(kRows);
    for (Robot& robot : robots) REQUIRE(robot.load(sample_packet(), options) == "OK");
    const bool starts[kRows] = {false, true, false, false, true};
    for (size_t tick = 0; tick < 4; ++tick) {
      std::vector<Floats> rows(kRows, kObs);
      for (size_t row = 0; row < kRows; ++row) rows[row][0] += static_cast<float>(row + tick);
      if (tick == 2) rows[3][7] = std::nanf("");
      const std::vector<Blob> found = step_rows(*batch.policy, rows, tick == 3 ? starts : nullptr);
      for (size_t row = 0; row < kRows; ++row) {
        if (tick == 3 && starts[row]) CHECK(robots[row].policy->reset());
        CHECK(found[row] == robots[row].step(rows[row]));
      }
    }
  }
}

TEST_CASE("inputs may lie where the outputs go") {
  ProgramBuilder p;
  const uint16_t x = p.input("x", 2);
  p.op(Opcode::Relu, p.output("y", 2), {x});
  Robot robot = load_robot(base_packet(p));
  Floats both = {-1, 2};
  const float* input = both.data();
  void* output = both.data();
  CHECK(robot.policy->step(&input, &output) == StepResult::Ok);
  CHECK(both == Floats{0, 2});
}

TEST_CASE("steps that take longer than the deadline are counted") {
  LoadOptions options;
  options.deadline_ns = 1;
  Robot strict = load_robot(sample_packet(), options);
  options.deadline_ns = UINT64_MAX;
  Robot lenient = load_robot(sample_packet(), options);
  for (int i = 0; i < 10; ++i) strict.step(kObs), lenient.step(kObs);
  CHECK(strict.policy->stats().deadline_misses == 10);
  CHECK(lenient.policy->stats().deadline_misses == 0);
}

}  // namespace plasma::test
