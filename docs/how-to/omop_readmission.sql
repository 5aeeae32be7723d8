-- Outcome of every index discharge within 30 days, from an OMOP CDM that 'popsim export omop' wrote.
-- SQLite as it is; in DuckDB first: CREATE TEMP MACRO julianday(day) AS julian(day::DATE);
WITH stays AS (
  SELECT person_id, visit_occurrence_id, visit_start_date, visit_start_datetime, visit_end_date, visit_end_datetime,
         visit_source_value LIKE '%/index' AS at_entry,
         visit_source_value LIKE '%/planned%' AS planned,
         COALESCE(discharged_to_source_value, '') IN ('died', 'still there') AS not_discharged
  FROM visit_occurrence
  WHERE visit_concept_id = 9201
),
judged AS (
  SELECT i.person_id, i.visit_occurrence_id, i.at_entry, i.visit_end_date,
         MIN(julianday(a.visit_start_date) - julianday(i.visit_end_date)) AS to_readmission,
         MIN(julianday(d.death_date) - julianday(i.visit_end_date)) AS to_death,
         MIN(julianday(o.observation_period_end_date) - julianday(i.visit_end_date)) AS observed
  FROM stays i
  JOIN observation_period o ON o.person_id = i.person_id
  LEFT JOIN death d ON d.person_id = i.person_id
  LEFT JOIN stays a ON a.person_id = i.person_id AND a.visit_occurrence_id <> i.visit_occurrence_id
                   AND NOT a.planned AND NOT a.at_entry AND a.visit_start_datetime >= i.visit_end_datetime
  WHERE (i.at_entry OR NOT i.planned) AND NOT i.not_discharged
  GROUP BY i.person_id, i.visit_occurrence_id, i.at_entry, i.visit_end_date
)
SELECT person_id, visit_occurrence_id, at_entry, visit_end_date,
       CASE WHEN to_readmission <= 30 THEN 'readmitted'
            WHEN to_death <= 30 THEN 'died'
            WHEN observed >= 30 THEN 'neither'
            ELSE 'censored' END AS outcome
FROM judged
ORDER BY person_id, visit_occurrence_id
