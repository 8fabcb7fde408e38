"""One device of one host, which shares with nobody."""

import contextlib


class Replicas:
    """The devices that share every batch of a run.

    Args:
        devices: string, how many of each host: a number, or `"all"`.
        addresses: strings `HOST:PORT`, of all hosts; of the first, the chief, everybody must be able to reach it.
        host: integer, this host's place in them.
    """

    def __init__(self, devices: str = "1", addresses: tuple[str, ...] = ("",), host: int = 0):
        self.devices, self.addresses, self.host = devices, addresses, host
        self.here = 1  # devices of this host
        self.raised: tuple[type[Exception], ...] = ()  # by the engine, when a host is gone

    @property
    def hosts(self) -> int:
        return len(self.addresses)

    @property
    def count(self) -> int:
        """The devices of all hosts."""
        return self.here * self.hosts

    @property
    def chief(self) -> bool:
        """Whether this host is the one that writes and speaks."""
        return self.host == 0

    def start(self) -> None:
        """Engages the devices and waits for the other hosts. Call it before anything else uses the engine.

        Raises:
            ValueError: if there are fewer devices.
        """

    def building(self):
        """A context in which what is built is shared."""
        return contextlib.nullcontext()

    def running(self):
        """A context in which it is trained."""
        return contextlib.nullcontext()

    def apart(self):
        """A context, inside of `running`, for what this host does by itself."""
        return contextlib.nullcontext()

    def feed(self, batches, batch: int):
        """What `fit` takes.

        Args:
            batches: what `training_dataset` returns, of this host's part of each batch.
            batch: integer, patches a batch of all hosts.
        """
        return batches

    def barrier(self, what: str = "", number: int = 0) -> None:
        """Waits until every host has come here.

        Args:
            what: string, what the number stands for.
            number: integer from 0, below 2**31.

        Raises:
            ValueError: if the hosts bring different numbers.
        """
        numbers = self._all_numbers(number)
        if any(each != number for each in numbers):
            raise ValueError(f"the hosts have different {what}: give all the same --data, --out or --resume, and flags")

    def any_host(self, asked: bool) -> bool:
        """Whether any host says so; all must come here."""
        return any(self._all_numbers(int(asked)))

    def _all_numbers(self, number: int) -> list[int]:
        """What every host brings, in their order."""
        return [number]

    def lost(self, error: Exception) -> bool:
        """Whether an error is one of a lost host."""
        return isinstance(error, self.raised)

    def describe(self) -> str:
        """The devices, for a log; empty if there is one."""
        if self.count == 1:
            return ""
        return f"{self.here} device(s) on each of {self.hosts} hosts" if self.hosts > 1 else f"{self.here} devices"

    def _choose(self, found: list, kind: str) -> list:
        """As many of the found devices as were asked for."""
        wanted = len(found) if self.devices == "all" else int(self.devices)
        if wanted > len(found):
            raise ValueError(f"--devices {self.devices}: this host has {len(found)} {kind}(s); give fewer, or all")
        return found[:wanted]
