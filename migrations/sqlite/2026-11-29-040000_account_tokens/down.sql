-- Links in mails that were sent are good no more, and the next login from each device counts as the first.
DROP TABLE known_devices;
DROP TABLE account_tokens;
