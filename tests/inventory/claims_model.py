"""The claim protocol as a small pure state machine: who may write which scope. The oracle of test_claims.py.

One run, one coordinator at a time under the job's lease, workers under leases of their own. A process may be as late as it
likes: what it may do depends on what others have done since, and on the database's clock alone.
"""

from dataclasses import dataclass, field

from windlass.store.leases.model import LEASE_DURATION_S


@dataclass
class Claims:
    """The state of a run."""

    scopes: frozenset
    now: float = 0.0
    is_open: bool = False
    done: set = field(default_factory=set)
    free: set = field(default_factory=set)
    held: dict = field(default_factory=dict)  # scope: process
    expires: dict = field(default_factory=dict)  # workers in the run: when their lease ends
    coordinator: object = None  # who has the job's lease; None when it was given back
    coordinator_expires: float = 0.0
    gone: set = field(default_factory=set)  # processes that others can see to be dead

    def may_coordinate(self):
        """Whether a process may take the job over now."""
        self.coordinator_expires = min(self.coordinator_expires, self.now + LEASE_DURATION_S)
        return self.coordinator is None or self.coordinator in self.gone or self.coordinator_expires <= self.now

    def coordinate(self, process):
        """The process fills the queue: what an earlier coordinator held is free, what live workers hold is not."""
        self.coordinator, self.coordinator_expires = process, self.now + LEASE_DURATION_S
        self.is_open = True
        self.held = {scope: holder for scope, holder in self.held.items() if holder in self.expires}
        self.free = set(self.scopes) - self.done - set(self.held)

    def close(self):
        """The coordinator ends the run: nobody else may write."""
        self.is_open, self.coordinator = False, None
        self.free, self.held, self.expires = set(), {}, {}

    def join(self, worker):
        self.expires[worker] = self.now + LEASE_DURATION_S

    def renew(self, process):
        if process == self.coordinator:
            self.coordinator_expires = self.now + LEASE_DURATION_S
        else:
            self.expires[process] = self.now + LEASE_DURATION_S

    def may_write(self, process):
        """A late process may write until another has taken its claims."""
        return self.is_open and (process == self.coordinator or process in self.expires)

    def claim(self, process, scopes):
        """The claim must be of free scopes."""
        assert scopes <= self.free, f"claimed, though held or done: {scopes - self.free}"
        self.free -= scopes
        self.held.update(dict.fromkeys(scopes, process))

    def write(self, process, scope):
        assert scope not in self.done, f"{scope} twice in effect"
        assert self.held.get(scope) == process, f"{scope} written by {process}, held by {self.held.get(scope)}"
        self.done.add(scope)
        del self.held[scope]

    def leave(self, worker):
        del self.expires[worker]
        self._free(worker)

    def reap(self):
        """Free the claims of workers that are dead by the database's clock; return these workers."""
        lost = set()
        for worker, expires in list(self.expires.items()):
            if worker in self.gone or expires <= self.now:
                lost.add(worker)
                self.leave(worker)
            elif expires > self.now + LEASE_DURATION_S:  # the clock was set back
                self.expires[worker] = self.now + LEASE_DURATION_S
        return lost

    def _free(self, worker):
        scopes = {scope for scope, holder in self.held.items() if holder == worker}
        self.free |= scopes
        for scope in scopes:
            del self.held[scope]
