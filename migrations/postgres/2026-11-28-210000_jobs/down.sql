-- Loses all jobs.
DROP VIEW all_jobs;
DROP TABLE job_schedules;
DROP TABLE ended_jobs;
DROP TABLE jobs;
