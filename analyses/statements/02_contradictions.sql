-- 哪些说法与数据相矛盾？
-- Which statements do the data contradict?
--
-- Learn: a table of verdicts that brings its evidence along.
-- Read: a contradiction is one with these data. For raw figures it may be the data of the warehouse that
-- differ from those of the authors: the evidence tells which number was held against what.

select
    finding_code,
    statement_en,
    evidence_en
from audit.finding_checks
where edition = '2025' and verdict = 'contradicted'
order by finding_code
