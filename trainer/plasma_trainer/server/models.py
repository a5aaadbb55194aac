# SPDX-License-Identifier: Apache-2.0
"""Requests and responses: the contract that OpenAPI shows. Each request has an example that runs."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal

import gymnasium as gym
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from plasma_trainer.envs import check_variant
from plasma_trainer.server.recipes import RECIPES

JOB_ID = r"^[0-9a-f]{32}$"
DIGEST = r"^[0-9a-f]{64}$"
_ENV = re.compile(r"(?:[A-Za-z][\w-]{0,40}/)?[A-Za-z][\w-]{0,60}-v\d{1,4}", re.ASCII)
Kind = Literal["train", "adapt", "audit", "simulate", "compile", "worlds"]
State = Literal["queued", "running", "done", "failed", "cancelled"]


def _registered(env: str) -> str:
    """No module prefix (`module:Env-v0` would import it), and nothing that is not registered."""
    if env not in RECIPES and not (_ENV.fullmatch(env) and env in gym.registry):
        raise ValueError(
            f"found {env[:80]!r}, expected the id of a registered Gymnasium environment, or a recipe: "
            + ", ".join(RECIPES)
        )
    return env


Env = Annotated[str, Field(max_length=110), AfterValidator(_registered)]
JobId = Annotated[str, Field(pattern=JOB_ID)]
Digest = Annotated[str, Field(pattern=DIGEST)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,64}$")]
Seed = Annotated[int, Field(ge=0, lt=2**31)]
Steps = Annotated[int, Field(ge=2, le=1_000_000)]
Threshold = Annotated[float, Field(ge=-1e9, le=1e9)]
Variant = Annotated[str, Field(max_length=200), AfterValidator(check_variant)]


class Request(BaseModel):
    """Base of all requests: nothing unknown passes."""

    model_config = ConfigDict(extra="forbid")
    kind: ClassVar[Kind]
    scope: ClassVar[str] = "train"

    priority: Annotated[int, Field(ge=-100, le=100)] = 0
    description: Annotated[str, Field(max_length=2000)] = ""

    def params(self) -> dict[str, Any]:
        """What the job keeps."""
        return self.model_dump(exclude={"priority"})


def _example(**values: Any) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [values]})


class TrainRequest(Request):
    """Train a policy in imagination; `real_steps` is the budget."""

    model_config = _example(env="CartPole-v1", real_steps=200, description="balance the pole")
    kind = "train"

    env: Env
    seed: Seed = 0
    real_steps: Steps = 1000
    block_steps: Steps = 200
    iterations: Annotated[int, Field(ge=1, le=10_000)] = 40
    discount: Annotated[float, Field(ge=0.0, le=0.9999)] | None = None
    threshold: Threshold | None = None

    @model_validator(mode="before")
    @classmethod
    def _as_the_recipe_has_it(cls, asked: Any) -> Any:
        """What the request leaves open."""
        task = asked.get("env") if isinstance(asked, dict) else None
        recipe = RECIPES.get(task) if isinstance(task, str) else None
        return asked if recipe is None else {**recipe.training, **asked}


class AdaptRequest(Request):
    """Learn a LoRA adapter for a broken plant; `base` is a finished training job."""

    model_config = _example(base="0" * 32, variant="reversed")
    kind = "adapt"

    base: JobId
    variant: Variant = "reversed"
    seed: Seed = 0
    real_steps: Steps = 400
    block_steps: Steps = 200
    iterations: Annotated[int, Field(ge=1, le=10_000)] = 20
    threshold: Threshold | None = None
    rank: Annotated[int, Field(ge=1, le=16)] | Literal["auto"] = 8


class AuditRequest(Request):
    """Audit a finished run. With `canary`, a few real episodes decide."""

    model_config = _example(run="0" * 32)
    kind = "audit"

    run: JobId
    canary: bool = True
    seed: Seed = 0


class SimulateRequest(Request):
    """Fly the policy of a finished run in fresh episodes of its environment."""

    model_config = _example(run="0" * 32, episodes=20)
    kind = "simulate"

    run: JobId
    variant: Variant | None = None
    episodes: Annotated[int, Field(ge=2, le=10_000)] = 20
    seed: Seed = 0


class WorldsRequest(Request):
    """Fit every world model to the same real steps, and judge them on others. `pixels`: from frames alone."""

    model_config = _example(env="Pendulum-v1", real_steps=5000, updates=1000)
    kind = "worlds"

    env: Env
    pixels: bool = False
    seed: Seed = 0
    real_steps: Annotated[int, Field(ge=100, le=1_000_000)] = 10_000
    updates: Annotated[int, Field(ge=1, le=100_000)] = 3000


class CompileRequest(Request):
    """Compile a finished run to an instruction packet. An adapter names the packet of its base."""

    model_config = _example(run="0" * 32, name="cartpole", channel="bench", sequence=1)
    kind = "compile"
    scope = "publish"

    run: JobId
    base_packet: Digest | None = None
    name: Name = ""
    channel: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")] | None = None
    sequence: Annotated[int, Field(ge=0, lt=2**63)] = 0


REQUESTS: dict[str, type[Request]] = {each.kind: each for each in Request.__subclasses__()}


class JobView(BaseModel):
    """A job as it is now. Times are Unix seconds; `result` depends on the kind."""

    id: str
    kind: Kind
    state: State
    progress: float
    params: dict[str, Any]
    run: str
    priority: int
    failures: int
    result: dict[str, Any] | None
    error: str | None
    created: float
    started: float | None
    finished: float | None


class JobList(BaseModel):
    """Newest first."""

    jobs: list[JobView]


class ArtefactList(BaseModel):
    """Names of the files that a job has made and that may be fetched."""

    files: list[str]


class PacketView(BaseModel):
    """A packet of the registry: `digest` is the SHA-256 of the file, `content_digest` what the runtime calls it."""

    digest: str
    content_digest: str
    base_digest: str | None
    kind: Literal["base", "adapter"]
    name: str
    channel: str | None
    sequence: int
    audit: dict[str, Any]
    certificate: dict[str, int]
    signers: list[dict[str, str]]
    is_signed: bool
    bytes: int
    run: str | None
    adapters: list[str] = Field(description="digests of packets that adapt this one")
    created: float


class PacketList(BaseModel):
    """Newest first."""

    packets: list[PacketView]


_BEST = {
    "run": "0" * 32,
    "job": "0" * 32,
    "rank": 1,
    "rank_interval": [1, 1],
    "iqm": 498.5,
    "iqm_interval": [481.0, 500.0],
    "over_next": 0.93,
    "imagined": 472.1,
}
_NEXT = {
    "run": "hasty",
    "rank": 2,
    "rank_interval": [2, 2],
    "iqm": 131.2,
    "iqm_interval": [118.4, 150.9],
}
_LADDER = {
    "env": "CartPole-v1",
    "variant": "nominal",
    "climbed": 1790000000.0,
    "stability": 1.0,
    "parted": False,
    "rungs": [_BEST, _NEXT],
}


class RungView(BaseModel):
    """A policy's place. `iqm`: mean of the middle half of its real returns; `imagined`: what its world promises."""

    run: str
    job: str | None = Field(None, description="the job that learnt it, if it was learnt here")
    rank: int
    rank_interval: tuple[int, int]
    iqm: float
    iqm_interval: tuple[float, float]
    over_next: float | None = Field(
        None, description="probability that an episode earns more than the next's"
    )
    imagined: float | None = None


class LadderView(BaseModel):
    """Best first. `honesty` is the rank correlation of imagined and real returns; `parted`: it is low, so choose by the
    real ones. `stability`: how far half of the episodes foretells the order on the other half.
    """

    env: str | None
    variant: str
    climbed: float
    stability: float
    honesty: float | None = None
    parted: bool
    rungs: list[RungView]


class LadderList(BaseModel):
    """The latest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"ladders": [_LADDER]}]})

    ladders: list[LadderView]


class Health(BaseModel):
    """That the server answers, and that its database does."""

    status: Literal["ok"]
    version: str


class Problem(BaseModel):
    """What went wrong (RFC 9457); `code` is for programs, `detail` for people."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: list[dict[str, Any]] | None = None
