"""From a sharp radiograph to the one that a detector and an archive would have left: see `docs/degradation.md`."""
