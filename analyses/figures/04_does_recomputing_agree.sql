-- 重算的积分与报告印出的积分有多一致？
-- How far do the recomputed scores agree with those that the report prints?
--
-- Learn: shares of a count by averaging a condition.
-- Read: over all 60 cities. Ranks agree where the order of the cities is the same, whatever the unit:
-- agreement suggests that the statistic is the right one, not that each figure is.

select
    variables.variable_zh,
    agreement.variable_code,
    agreement.score_source,
    agreement.exact,
    agreement.within_one,
    round(100.0 * agreement.within_one / agreement.cities_compared, 1) as percent_within_one,
    agreement.spearman
from audit.variable_agreement as agreement
inner join marts.dim_variables as variables using (variable_code)
where agreement.score_source <> 'printed'
order by percent_within_one desc, variables.variable_no
