{#-
Tables are named without their database: the macro is copied into the published file, which has another name.
An argument may be of any type, so each is read as text first. A parameter hides a column of the same name, so
every column is named with its table. The edition to score comes from `checked`: no query gets around the checks.
-#}

{% macro create_what_if() -%}
    {{ adapter.dispatch('create_what_if')() }}
{%- endmacro %}

{% macro default__create_what_if() -%}{%- endmacro %}

{% macro duckdb__create_what_if() -%}
    {%- set marts = ref('dim_dimensions').schema -%}
    {%- set codes = first_column('select dimension_code from ' ~ ref('dim_dimensions') ~ ' order by dimension_no') -%}
    create or replace macro {{ marts }}.what_if(
        {% for code in codes %}{{ adapter.quote(code) }} := 1, {% endfor -%}
        drop_variables := [], edition := {{ quoted_text(edition_in_front()) }}
    ) as table (
        with weights as (
            {%- for code in codes %}
            {% if not loop.first %}union all {% endif -%}
            select
                {{ quoted_text(code) }} as dimension_code,
                cast({{ adapter.quote(code) }} as varchar) as given,
                try_cast(cast({{ adapter.quote(code) }} as varchar) as double) as weight
            {%- endfor %}
        ),
        others as (
            select
                cast(edition as varchar) as given_edition,
                try_cast(cast(drop_variables as varchar) as varchar[]) as given_variables
        ),
        dropped as (select distinct unnest(others.given_variables) as variable_code from others),
        problems as ({{ what_if_problems(marts) }}),
        checked as (
            select case
                when count(problems.problem) = 0 then max(others.given_edition)
                else error('what_if: ' || string_agg(problems.problem, '; ' order by problems.place, problems.problem))
            end as edition
            from others
            left join problems on true
        ),
        {{ what_if_ranks(marts) }}
        select
            ranks.rank, cities.city_zh, cities.city_en, ranks.score,
            totals.rank as official_rank, totals.rank - ranks.rank as rank_change, ranks.city_code
        from ranks
        join {{ marts }}.dim_cities as cities on ranks.city_code = cities.city_code
        join {{ marts }}.fct_total_scores as totals
            on ranks.edition = totals.edition and ranks.city_code = totals.city_code
        order by ranks.rank, ranks.city_code
    );
    comment on macro table {{ marts }}.what_if is
        '假如 / What if. Ranks of the cities under weights of one''s own, one parameter a dimension, without the variables in drop_variables; see docs/what-if.md.'
{%- endmacro %}

{% macro what_if_ranks(marts) -%}
    {%- set weight = 'case when dropped.variable_code is null then weights.weight else 0 end' -%}
    scores as (
        select
            variable_scores.edition,
            variable_scores.city_code,
            {{ weighted_score('variable_scores.score', weight) }} as score
        from checked
        join {{ marts }}.fct_variable_scores as variable_scores on checked.edition = variable_scores.edition
        join {{ marts }}.dim_variables as variables on variable_scores.variable_code = variables.variable_code
        join weights on variables.dimension_code = weights.dimension_code
        left join dropped on variables.variable_code = dropped.variable_code
        group by variable_scores.edition, variable_scores.city_code
    ),
    ranks as (
        select
            scores.*,
            cast({{ competition_rank('scores.score', 'scores.edition') }} as integer) as rank
        from scores
    )
{%- endmacro %}

{% macro what_if_problems(marts) -%}
    {%- set heaviest = 1000000 -%}
    select 1 as place, 'the weight of ' || weights.dimension_code || ' is empty' as problem
    from weights
    where weights.given is null
    union all
    select 2, 'the weight of ' || weights.dimension_code || ' is ''' || weights.given || ''', which is not a number'
    from weights
    where weights.given is not null and not coalesce(isfinite(weights.weight), false)
    union all
    select 3, 'the weight of ' || weights.dimension_code || ' is ' || weights.given || '; it must be from 0 to {{ heaviest }}'
    from weights
    where isfinite(weights.weight) and weights.weight not between 0 and {{ heaviest }}
    union all
    select 4, 'all weights are 0; at least one must be above 0'
    from weights
    having count(*) = sum(case when weights.weight = 0 then 1 else 0 end)
    union all
    select 5, 'drop_variables must be a list of variable codes, as in drop_variables := [''' || min(variables.variable_code) || ''']'
    from {{ marts }}.dim_variables as variables
    cross join others
    having count(others.given_variables) = 0
    union all
    select 6, 'drop_variables names ' || coalesce('''' || dropped.variable_code || '''', 'NULL') || ', which is no variable_code of dim_variables'
    from dropped
    left join {{ marts }}.dim_variables as variables on dropped.variable_code = variables.variable_code
    where variables.variable_code is null
    union all
    select 7, 'drop_variables leaves no variable whose weight is above 0'
    from weights
    join {{ marts }}.dim_variables as variables on weights.dimension_code = variables.dimension_code
    left join dropped on variables.variable_code = dropped.variable_code
    having sum(weights.weight) > 0 and sum(case when dropped.variable_code is null then weights.weight else 0 end) = 0
    union all
    select 8, 'edition ' || coalesce('''' || max(others.given_edition) || '''', 'NULL') || ' is unknown; there are '
        || string_agg(editions.edition, ', ' order by editions.edition)
    from {{ marts }}.dim_editions as editions
    cross join others
    having not coalesce(bool_or(editions.edition = others.given_edition), false)
{%- endmacro %}

{% macro edition_in_front() -%}
    {%- set printed_first = "case basis when 'printed' then 0 else 1 end" -%}
    {{ return(first_column(
        'select edition from ' ~ ref('dim_editions') ~ ' order by ' ~ printed_first ~ ', base_year desc, edition desc'
    ) | first) }}
{%- endmacro %}

{% macro first_column(query) -%}
    {{ return(run_query(query).columns[0].values() | list if execute else []) }}
{%- endmacro %}
