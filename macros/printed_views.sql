{#-
The report's tables as views over the marts, twice: in schema 榜单 with its own headings, in schema rankings with
English ones. Which views and columns there are is data, and so are their comments. Tables are named without
their database, as in `what_if`. Every number is computed; of the print, only the sequence of tied cities is
read, which no figure gives.
-#}

{% macro create_printed_views() -%}
    {{ adapter.dispatch('create_printed_views')() }}
{%- endmacro %}

{% macro default__create_printed_views() -%}{%- endmacro %}

{% macro duckdb__create_printed_views() -%}
    {%- set edition = edition_in_front() -%}
    {%- set tables = printed_tables_of(edition) -%}
    {%- for schema, language in [('榜单', 'zh'), ('rankings', 'en')] %}
        drop schema if exists {{ schema }} cascade;
        create schema {{ schema }};
        {%- for table in tables %}
            {%- set view = schema ~ '.' ~ quoted_name(table[language]) %}
            {%- set columns = printed_columns(table, language) %}
            create view {{ view }} as {{ printed_view(table, columns, edition, language) }};
            comment on view {{ view }} is {{ quoted_text(table.comment) }};
            {%- for column in columns %}
                comment on column {{ view }}.{{ quoted_name(column[language]) }} is
                    {{ quoted_text(column.zh ~ ' / ' ~ column.en ~ '. ' ~ column.meaning) }};
            {%- endfor %}
        {%- endfor %}
    {%- endfor %}
{%- endmacro %}

{% macro printed_tables_of(edition) -%}
    {%- set dimensions -%}
        select
            dimensions.dimension_code as code,
            dimensions.dimension_zh as zh,
            dimensions.dimension_en as en,
            'Score of the dimension, the sum of those of its variables.' as meaning,
            coalesce(printed.title_zh, dimensions.dimension_zh || '积分表') as title
        from {{ ref('dim_dimensions') }} as dimensions
        left join {{ ref('published_tables') }} as printed
            on dimensions.dimension_code = printed.dimension_code and printed.edition = {{ quoted_text(edition) }}
        order by dimensions.dimension_no
    {%- endset -%}
    {%- set variables -%}
        select
            variables.dimension_code,
            variables.variable_code as code,
            variables.variable_zh as zh,
            variables.variable_en as en,
            coalesce(
                'Score by ' || string_agg(indicators.indicator_en, '; ' order by indicators.indicator_no) || '.',
                'Score of the variable.'
            ) as meaning
        from {{ ref('dim_variables') }} as variables
        left join {{ ref('dim_indicators') }} as indicators
            on variables.variable_code = indicators.variable_code
        group by all
        order by min(variables.variable_no)
    {%- endset -%}
    {%- set dimensions = rows_of(dimensions) -%}
    {%- set variables = rows_of(variables) -%}
    {%- set in_words = '. One row a city of edition `' ~ edition ~ '`, in the shape of the report: ' -%}
    {%- set tables = [{
        'zh': '总积分表',
        'en': 'total_scores',
        'comment': '总积分表 / Total scores' ~ in_words ~ 'rank, score of every dimension, total.',
        'parts': dimensions
    }] -%}
    {%- for dimension in dimensions -%}
        {%- do tables.append({
            'zh': dimension.title,
            'en': dimension.code,
            'comment': dimension.title ~ ' / ' ~ dimension.en ~ in_words ~ 'rank, score of every variable, their sum.',
            'dimension': dimension.code,
            'parts': variables | selectattr('dimension_code', 'equalto', dimension.code) | list
        }) -%}
    {%- endfor -%}
    {{ return(tables) }}
{%- endmacro %}

{% macro printed_columns(table, language) -%}
    {%- set part, part_code = ('variable', 'variable_code') if table.dimension else ('dimension', 'dimension_code') -%}
    {%- set columns = [
        {'zh': '排序', 'en': 'Rank', 'meaning': 'Cities with equal scores share the better rank.', 'value': 'wholes.rank'},
        {'zh': '城市', 'en': 'City', 'meaning': 'Short name of the city.', 'value': 'cities.city_' ~ language}
    ] -%}
    {%- for row in table.parts -%}
        {%- do columns.append({
            'zh': row.zh,
            'en': row.en,
            'meaning': row.meaning,
            'value': 'max(case when parts.' ~ part_code ~ ' = ' ~ quoted_text(row.code) ~ ' then parts.score end)'
        }) -%}
    {%- endfor -%}
    {%- set whole = {'zh': '维度积分', 'en': 'Dimension score'} if table.dimension else {'zh': '总积分', 'en': 'Total score'} -%}
    {%- do whole.update({'meaning': 'Sum of the scores of every ' ~ part ~ '; more is better.', 'value': 'wholes.score'}) -%}
    {{ return(columns + [whole]) }}
{%- endmacro %}

{% macro printed_view(table, columns, edition, language) -%}
    {%- set marts = ref('dim_cities').schema -%}
    {%- set whole, part = ('dimension', 'variable') if table.dimension else ('total', 'dimension') -%}
    select
        {%- for column in columns %}
            {{ column.value }} as {{ quoted_name(column[language]) }}{{ ',' if not loop.last }}
        {%- endfor %}
    from {{ marts }}.fct_{{ whole }}_scores as wholes
    join {{ marts }}.dim_cities as cities on wholes.city_code = cities.city_code
    join {{ marts }}.fct_{{ part }}_scores as parts
        on wholes.edition = parts.edition and wholes.city_code = parts.city_code
    left join {{ this.schema }}.{{ this.identifier }} as printed
        on wholes.edition = printed.edition
        and wholes.city_code = printed.city_code
        and printed.measure = 'rank'
        and {{ 'wholes.dimension_code = printed.dimension_code' if table.dimension else 'printed.dimension_code is null' }}
    where wholes.edition = {{ quoted_text(edition) }}
        {%- if table.dimension %} and wholes.dimension_code = {{ quoted_text(table.dimension) }}{% endif %}
    group by wholes.rank, wholes.score, wholes.city_code, cities.city_{{ language }}, printed.row_no
    order by wholes.rank, printed.row_no, wholes.city_code
{%- endmacro %}

{% macro rows_of(query) -%}
    {{ return(run_query(query).rows | list if execute else []) }}
{%- endmacro %}

{% macro quoted_text(text) -%}
    '{{ text | replace("'", "''") }}'
{%- endmacro %}

{% macro quoted_name(name) -%}
    "{{ name | replace('"', '""') }}"
{%- endmacro %}
