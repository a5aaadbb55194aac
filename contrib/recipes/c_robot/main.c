/* Loads a signed packet and steps it, without Python: robot PACKET KEY.pub.raw [ADAPTER] < observations > actions
 * KEY.pub.raw holds the 32 raw bytes of the public key. One observation a line, one action a line. */
#include <plasma_edge/plasma_edge.h>
#include <stdio.h>
#include <stdlib.h>

static int fail(const char* what, const pe_error* error) {
  fprintf(stderr, "%s: %s\n", what, error->message);
  return EXIT_FAILURE;
}

int main(int argc, char** argv) {
  uint8_t key[PE_PUBLIC_KEY_BYTES];
  FILE* key_file = argc >= 3 ? fopen(argv[2], "rb") : NULL;
  if (key_file == NULL || fread(key, 1, sizeof key, key_file) != sizeof key) {
    fprintf(stderr, "usage: robot PACKET KEY.pub.raw [ADAPTER]\n");
    return EXIT_FAILURE;
  }
  fclose(key_file);

  const pe_trust trust = {.keys = key, .key_count = 1, .threshold = 1};
  pe_error error = {0};
  pe_policy* policy = NULL;
  if (pe_policy_load(argv[1], &trust, NULL, &policy, &error) != 0) return fail(argv[1], &error);
  if (argc > 3 && pe_policy_attach(policy, argv[3], "adapter", 1.0f, &error) != 0) return fail(argv[3], &error);

  const pe_io in = pe_policy_input(policy, 0), out = pe_policy_output(policy, 0);
  float* obs = calloc(in.elements, sizeof *obs);
  union { float f32; int32_t i32; }* action = calloc(out.elements, sizeof *action);
  for (;;) {
    for (uint64_t i = 0; i < in.elements; ++i) {
      if (scanf("%f", &obs[i]) != 1) goto done;
    }
    pe_policy_step(policy, (const float* const[]){obs}, (void* const[]){action});
    for (uint64_t i = 0; i < out.elements; ++i) {
      if (out.type == PE_I32) printf("%d ", action[i].i32);
      if (out.type == PE_F32) printf("%.9g ", (double)action[i].f32);
    }
    printf("\n");
  }
done:
  pe_policy_free(policy);
  free(action);
  free(obs);
  return EXIT_SUCCESS;
}
