"""One file a job: arguments → pure functions → read, call, write. No job imports another job."""
