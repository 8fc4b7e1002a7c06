-- 构建的哪些步骤最慢，是否越来越慢？
-- Which steps of a build are slowest, and is the newest release slower than usual?
--
-- Learn: a median over releases beside the value of this one.
-- Read: times hang on the machine and on what else it does: look at the ratio only where a step takes
-- seconds.
-- Rows: differ from release to release.

select
    steps.kind,
    steps.step,
    count(*) as releases,
    round(median(steps.seconds), 2) as median_seconds,
    round(max(steps.seconds) filter (where releases.is_this_release), 2) as this_release
from ops.build_steps as steps
inner join ops.releases as releases using (release_id)
group by steps.kind, steps.step
order by median_seconds desc, steps.kind, steps.step
limit 10
