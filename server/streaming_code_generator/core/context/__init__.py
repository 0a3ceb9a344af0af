"""What a model is shown besides the request: functions over immutable snapshots of files."""
