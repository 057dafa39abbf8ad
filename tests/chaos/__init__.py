"""Processes are killed, Redis is emptied, disks fail: nothing is lost, nothing is done twice."""
