-- Why a process manager does not go on, for whoever asks from outside of its program. NULL while it does.
ALTER TABLE process.checkpoints ADD COLUMN failing text;
