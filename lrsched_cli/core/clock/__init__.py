"""The clock of a run: epochs, samples and tokens beside the steps that schedulers count."""
