-- What differs between two builds, `before` and `after`, and the nearest changed input that can have
-- moved it. `changed_inputs` (path, kind, change) tells which files differ.

create or replace temporary table changed_figures as
with figures_before as (
    select city_code, statistic_code, year, source_code, value from before.marts.fct_observations where is_used
),

figures_after as (
    select city_code, statistic_code, year, source_code, value from after.marts.fct_observations where is_used
)

select
    moved.city_code,
    moved.statistic_code,
    homes.path,
    string_agg(distinct cast(moved.year as varchar), ', ' order by cast(moved.year as varchar)) as years
from (
    (from figures_before except from figures_after) union all (from figures_after except from figures_before)
) as moved
join (
    select
        statistic_code,
        'seeds/statistics/observations_' || coalesce(home_dimension_code, 'general') || '.csv' as path
    from after.marts.dim_statistics
) as homes using (statistic_code)
-- a value in the statistic's own unit moves with an exchange rate too
join changed_inputs as inputs on homes.path = inputs.path and inputs.change <> 'same'
group by moved.city_code, moved.statistic_code, homes.path;

-- which statistics each indicator, variable, dimension and total rests on
create or replace temporary table concerned as
with terms as (
    select distinct indicator_code, variable_code, dimension_code, statistic_code
    from after.marts.dim_indicator_terms
    join after.marts.dim_indicators using (indicator_code)
    join after.marts.dim_variables using (variable_code)
)

select 'indicator' as level, indicator_code as code, statistic_code from terms
union select 'variable', variable_code, statistic_code from terms
union select 'dimension', dimension_code, statistic_code from terms
union select 'total', null, statistic_code from terms;

create or replace temporary table moved as
with measured as (
    select 'total' as level, 'marts.fct_total_scores' as table_name, edition, city_code, cast(null as varchar) as code,
        unnest(['score', 'rank', 'tier']) as measure,
        unnest([cast(b.score as double), b.rank, b.tier]) as old_value,
        unnest([cast(a.score as double), a.rank, a.tier]) as new_value,
        b.score is null as is_added, a.score is null as is_removed
    from before.marts.fct_total_scores as b
    full join after.marts.fct_total_scores as a using (edition, city_code)

    union all

    select 'dimension', 'marts.fct_dimension_scores', edition, city_code, dimension_code,
        unnest(['score', 'rank']),
        unnest([cast(b.score as double), b.rank]),
        unnest([cast(a.score as double), a.rank]),
        b.score is null, a.score is null
    from before.marts.fct_dimension_scores as b
    full join after.marts.fct_dimension_scores as a using (edition, city_code, dimension_code)

    union all

    select 'variable', 'marts.fct_variable_scores', edition, city_code, variable_code,
        'score', b.score, a.score, b.score is null, a.score is null
    from before.marts.fct_variable_scores as b
    full join after.marts.fct_variable_scores as a using (edition, city_code, variable_code)

    union all

    select 'indicator', 'marts.fct_indicator_scores', edition, city_code, indicator_code,
        'score', b.score, a.score, b.score is null, a.score is null
    from before.marts.fct_indicator_scores as b
    full join after.marts.fct_indicator_scores as a using (edition, city_code, indicator_code)

    union all

    select 'indicator', 'marts.fct_indicator_values', edition, city_code, indicator_code,
        'value', round(b.value, 9), round(a.value, 9), b.source_count is null, a.source_count is null
    from before.marts.fct_indicator_values as b
    full join after.marts.fct_indicator_values as a using (edition, city_code, indicator_code)
)

select
    *,
    case when is_added then 'added' when is_removed then 'removed' else 'moved' end as change
from measured
where old_value is distinct from new_value;

create or replace temporary table causes as
with own as (
    select
        concerned.level,
        concerned.code,
        figures.city_code,
        string_agg(figures.statistic_code || ' ' || figures.years, ', ' order by figures.statistic_code) as detail,
        string_agg(distinct figures.path, ', ' order by figures.path) as paths
    from concerned
    join changed_figures as figures using (statistic_code)
    group by concerned.level, concerned.code, figures.city_code
),

others as (
    select
        concerned.level,
        concerned.code,
        string_agg(distinct concerned.statistic_code, ', ' order by concerned.statistic_code) as detail,
        string_agg(distinct figures.path, ', ' order by figures.path) as paths
    from concerned
    join changed_figures as figures using (statistic_code)
    group by concerned.level, concerned.code
),

files as (
    select
        case
            when path like 'seeds/published/%' then 'printed_tables'
            when path like 'seeds/reference/%' then 'reference_data'
            when kind in ('model', 'code', 'package') then 'code'
        end as cause,
        count(*) || case when count(*) = 1 then ' file' else ' files' end as detail,
        array_to_string(list(path order by path)[:20], ', ') as paths
    from changed_inputs
    where change <> 'same'
    group by 1
),

judged as (
    select
        moved.*,
        case
            when is_recomputed and own.detail is not null then 'own_figures'
            when is_recomputed and others.detail is not null then 'figures_of_other_cities'
            when printed.cause is not null then 'printed_tables'
            when reference.cause is not null then 'reference_data'
            when code_files.cause is not null then 'code'
            else 'unexplained'
        end as nearest,
        own.detail as own_detail,
        own.paths as own_paths,
        others.detail as others_detail,
        others.paths as others_paths
    from (
        select moved.*, coalesce(a.basis, b.basis) = 'recomputed' as is_recomputed
        from moved
        left join before.marts.dim_editions as b using (edition)
        left join after.marts.dim_editions as a using (edition)
    ) as moved
    left join own
        on moved.level = own.level and moved.code is not distinct from own.code and moved.city_code = own.city_code
    left join others on moved.level = others.level and moved.code is not distinct from others.code
    left join files as printed on printed.cause = 'printed_tables'
    left join files as reference on reference.cause = 'reference_data'
    left join files as code_files on code_files.cause = 'code'
)

select
    judged.* exclude (nearest, own_detail, own_paths, others_detail, others_paths),
    judged.nearest as cause,
    case judged.nearest
        when 'own_figures' then judged.own_detail
        when 'figures_of_other_cities' then judged.others_detail
        else coalesce(files.detail, '')
    end as cause_detail,
    case judged.nearest
        when 'own_figures' then judged.own_paths
        when 'figures_of_other_cities' then judged.others_paths
        else coalesce(files.paths, '')
    end as input_paths
from judged
left join files on judged.nearest = files.cause;
