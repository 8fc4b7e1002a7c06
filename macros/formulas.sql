{% macro refuse_formulas() %}
    {%- set texts = model.columns.values() | selectattr('data_type', 'equalto', 'varchar') | map(attribute='name') | list -%}
    {%- if execute and texts -%}
        {%- set query -%}
            select
            {%- for text in texts %}
                max(case when {{ begins_formula(text) }} then {{ text }} end) as {{ text }}{{ ',' if not loop.last }}
            {%- endfor %}
            from {{ this }}
        {%- endset -%}
        {%- set found = run_query(query).rows[0] -%}
        {%- for text in texts if found[text] is not none -%}
            {{ exceptions.raise_compiler_error(
                text ~ ' holds ' ~ found[text] | tojson ~ ', which a spreadsheet takes for a formula'
            ) }}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}


{% macro begins_formula(text) %}
    {#- -1.5 is a number wherever it is read -#}
    substr({{ text }}, 1, 1) in ('=', '+', '-', '@', '＝', '＋', '－', '＠', '{{ "\t" }}', '{{ "\r" }}', '{{ "\n" }}')
    and not (translate({{ text }}, '0123456789.', '') in ('+', '-') and length({{ text }}) > 1)
{%- endmacro %}
